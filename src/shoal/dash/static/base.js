// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// What every part of the page uses: elements, numbers as text, answers from the server or the report, the address.
"use strict";

const shoal = {};

// ------------------------------------------------------------------------------------------------ elements

// el("div", {class: "x", onclick: f}, child, "text") -> element; a property that is null or false is left out.
shoal.el = (name, properties = {}, ...children) => {
  const svg = ["svg", "path", "line", "circle", "rect", "text", "g"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === false || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "style") made.style.cssText = value; // setting the attribute is what the page's policy forbids
    else if (key in made && !svg && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
};
const el = shoal.el;

shoal.select = (label, value, choices, onchange) => {
  const options = choices.map((choice) => {
    const [key, text] = Array.isArray(choice) ? choice : [choice, choice];
    return el("option", { value: key, selected: key === value }, text);
  });
  return el("label", { class: "field" }, el("span", {}, label),
    el("select", { onchange: (event) => onchange(event.target.value) }, options));
};

shoal.toggle = (label, on, onchange) =>
  el("label", { class: "toggle" },
    el("input", { type: "checkbox", checked: on, onchange: (event) => onchange(event.target.checked) }), label);

// Copies to the clipboard and says so on the button.
shoal.copy = (button, text) => {
  const say = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1200); };
  const byHand = () => { // where the page may not use the clipboard, such as in a file
    const area = el("textarea", { value: text });
    document.body.append(area);
    area.select();
    say(document.execCommand("copy") ? "Copied" : "Failed");
    area.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => say("Copied"), byHand);
  else byHand();
};

// ------------------------------------------------------------------------------------------------ numbers

shoal.number = (value) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  for (const [scale, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= scale * 0.99995) return `${+(value / (unit === "k" ? 1e3 : scale)).toPrecision(4)}${unit}`;
  }
  return String(+value.toPrecision(4));
};

shoal.duration = (seconds) => {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 100) return `${+seconds.toPrecision(3)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
};

shoal.time = (seconds) => {
  if (!seconds) return "–";
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
};

shoal.bytes = (value) => (value < 1e6 ? `${+(value / 1e3).toPrecision(3)} kB` : `${+(value / 1e6).toPrecision(3)} MB`);

// Settings as TOML, by section, as --config reads them. Numbers keep all their digits.
shoal.toml = (point) => {
  const sections = {};
  for (const [name, value] of Object.entries(point)) {
    const [section, key] = name.split(".");
    (sections[section] = sections[section] || []).push(`${key} = ${JSON.stringify(value)}`);
  }
  return Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`).join("\n");
};

// ------------------------------------------------------------------------------------------------ colours

shoal.css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
shoal.colour = (index) => shoal.css(`--c${index % 10}`);
const RAMP = [[68, 57, 143], [46, 110, 172], [32, 148, 156], [83, 186, 112], [176, 204, 62], [245, 205, 50]];
// A colour of t in [0, 1], dark to light, in steps that look alike; neither end vanishes on black or white.
shoal.ramp = (t) => {
  const at = Math.min(Math.max(t, 0), 1) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  return `rgb(${RAMP[low].map((c, i) => Math.round(c + (RAMP[low + 1][i] - c) * (at - low))).join(",")})`;
};
shoal.faded = (colour, alpha) => `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`;

// ------------------------------------------------------------------------------------------------ answers

shoal.report = window.SHOAL_REPORT || null; // in a report: JSON of [name, query] -> answer

shoal.oldest = Infinity; // version of what is shown, until the first news say how new it is

shoal.get = async (name, query = {}) => {
  const said = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (shoal.report) return shoal.fromReport(name, Object.fromEntries(said));
  const response = await fetch(`api/${name}?${new URLSearchParams(said)}`);
  shoal.oldest = Math.min(shoal.oldest, Number(response.headers.get("X-Version") ?? Infinity));
  const answer = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
};

// A report holds the runs, their curves together, and the rest as it was asked for.
shoal.fromReport = (name, query) => {
  const find = (asked) => {
    const found = shoal.report[JSON.stringify([name, Object.entries(asked).sort()])];
    if (!found) throw new Error("this is not in the report");
    return found;
  };
  if (name === "runs") {
    const { rows, ...rest } = find({});
    const key = (query.sort || "-started").replace("-", "");
    const sign = (query.sort || "-started").startsWith("-") ? -1 : 1;
    const value = (row) => row[key] ?? null;
    const order = (a, b) => (value(a) === null) - (value(b) === null) || sign * (value(a) < value(b) ? -1 : value(a) > value(b));
    return { ...rest, rows: [...rows].sort(order) };
  }
  if (name === "compare" || name === "names" || name === "sweeps") return find({});
  if (name !== "curves") return find(query);
  const { series, groups, ...rest } = find({ metric: query.metric || "env/perf", x: query.x || "steps" });
  const wanted = new Set((query.runs || "").split(","));
  return {
    ...rest,
    series: series.filter((one) => wanted.has(one.path)),
    groups: groups.filter((one) => one.paths.every((path) => wanted.has(path))),
  };
};

// ------------------------------------------------------------------------------------------------ the address

// #/runs?filter=...  #/run/GROUP/NAME?...  #/sweep/NAME?...: all that is seen is in it.
shoal.address = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page, ...rest] = path.split("/").map(decodeURIComponent);
  return { page: page || "", id: rest.join("/"), query: new URLSearchParams(query || "") };
};

// Changes the query and nothing else; `draw` of the page follows by itself where it must.
shoal.remember = (changes) => {
  const { page, id, query } = shoal.address();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "" || value === false || value === undefined) query.delete(key);
    else query.set(key, value === true ? "1" : value);
  }
  history.replaceState(null, "", shoal.link(page, id, query));
};

shoal.link = (page, id = "", query = "") => {
  const path = [page, ...(id ? id.split("/") : [])].map(encodeURIComponent).join("/");
  const text = String(query instanceof URLSearchParams || typeof query === "string" ? query : new URLSearchParams(query));
  return `#/${path}${text ? `?${text}` : ""}`;
};
