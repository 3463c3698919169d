// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// The page of all runs: filter, columns, list; curves of those chosen, or of the first ones; what sets them apart.
"use strict";

const COLUMNS = ["name", "env", "status", "seed", "started", "steps", "seconds", "perf", "score"];
const NARROW = ["name", "perf", "env", "status", "score", "steps", "seconds", "seed", "started"]; // on a phone
const FIRST = 8; // runs that are drawn while none is chosen
const WIDTHS = { name: 220, env: 100, status: 92, seed: 56, started: 128, steps: 76, seconds: 84, perf: 72, score: 76, settings: 118, path: 280, command: 320, error: 260, machine: 200 };

shoal.pages = {};

shoal.pages.runs = (page) => {
  const said = (key, otherwise = "") => shoal.address().query.get(key) ?? otherwise;
  const narrow = matchMedia("(max-width: 760px)").matches;
  const usual = (narrow ? NARROW : COLUMNS).join(",");
  const columns = () => said("columns", usual).split(",").filter(Boolean);
  const chosen = () => said("sel").split(",").filter(Boolean);
  let order = []; // paths that have a colour, by which it stays while others join
  const colourOf = (path) => {
    if (!order.includes(path)) order.push(path);
    return shoal.colour(order.indexOf(path));
  };

  // -------------------------------------------------------------------------------------------- parts
  const count = shoal.el("span", { class: "soft small" }, "reading …");
  const problem = shoal.el("div", { class: "problem", hidden: true });
  const words = shoal.el("datalist", { id: "words" });
  const filter = shoal.el("input", {
    type: "search", class: "filter", list: "words", value: said("filter"), spellcheck: false, "aria-label": "filter",
    placeholder: "filter: env=pong perf>=0.9 train.gamma!=0.99 tag=good", onchange: () => { set({ filter: filter.value.trim() }); all(true); },
  });
  const chart = shoal.chart();
  const chartTools = shoal.el("div", { class: "head" });
  const comparison = shoal.el("section", { class: "card", hidden: true });
  const columnBox = shoal.el("input", {
    type: "text", class: "filter", value: columns().join(","), "aria-label": "columns", spellcheck: false, hidden: true, style: "width:100%;margin-bottom:10px",
    onchange: () => { const text = columnBox.value.replace(/\s/g, ""); set({ columns: text === usual ? null : text }); all(true); },
  });
  const set = (changes) => shoal.remember(changes);

  const toggleRun = (path) => {
    const now = chosen();
    set({ sel: (now.includes(path) ? now.filter((one) => one !== path) : [...now, path]).join(",") });
    list.paint();
    curves();
  };

  const cell = {
    name: (row) => shoal.el("a", { href: shoal.link("run", row.path), "data-key": row.path, title: row.path }, narrow ? row.name.replace(/^\d{8}-\d{6}-/, "") : row.name),
    status: (row) => shoal.el("span", { class: `pill ${row.status}` }, row.status),
    started: (row) => shoal.time(row.started),
    seconds: (row) => shoal.duration(row.seconds),
    settings: (row) => shoal.el("a", { class: "mono", href: shoal.link("runs", "", { filter: `settings=${row.settings}` }), title: "all seeds of these settings" }, row.settings || ""),
    tags: (row) => (row.tags || []).join(" "),
  };
  const wide = (name) => (narrow && name === "name" ? 110 : WIDTHS[name] || 110);
  const isText = (name) => ["name", "env", "status", "started", "settings", "tags", "path", "command", "error", "machine", "commit", "preset"].includes(name);
  const list = shoal.list({
    chosen: (row) => chosen().includes(row.path),
    grid: () => `18px ${columns().map((name) => `minmax(${wide(name)}px, ${name === "name" ? 2 : 1}fr)`).join(" ")}`,
    width: () => 52 + columns().reduce((sum, name) => sum + wide(name) + 14, 0),
    title: () => [shoal.el("span"), ...columns().map((name) => {
      const sort = said("sort", "-started");
      const on = sort.replace("-", "") === name;
      const next = on && sort.startsWith("-") ? name : `-${name}`;
      return shoal.el("button", { class: `${isText(name) ? "" : "right "}${on ? "sorted" : ""}`, title: `sort by ${name}`,
        onclick: () => { set({ sort: next }); all(true); } }, name + (on ? (sort.startsWith("-") ? " ↓" : " ↑") : ""));
    })],
    cells: (row) => [
      shoal.el("input", { type: "checkbox", checked: chosen().includes(row.path), "data-key": `c${row.path}`, "aria-label": `draw ${row.name}`, onchange: () => toggleRun(row.path) }),
      ...columns().map((name) => shoal.el("span", { class: isText(name) ? "" : "right", title: isText(name) && name !== "name" ? String(row[name] ?? "") : "" },
        cell[name] ? cell[name](row) : isText(name) ? String(row[name] ?? "") : shoal.number(row[name]))),
    ],
    load: async (offset, limit) => {
      try {
        const answer = await shoal.get("runs", { filter: said("filter"), sort: said("sort", "-started"), columns: columns().join(","), offset, limit });
        problem.hidden = true;
        const running = answer.running ? `, ${answer.running} running` : "";
        count.textContent = `${answer.total.toLocaleString("en")} ${answer.total === 1 ? "run" : "runs"}${running}`;
        return answer;
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        return null;
      }
    },
  });

  // -------------------------------------------------------------------------------------------- curves
  let metrics = [];
  const tools = () => {
    const x = said("x", "steps");
    const names = metrics.length ? metrics.filter((name) => name !== "steps" && name !== "seconds") : [said("metric", "env/perf")];
    chartTools.replaceChildren(
      shoal.el("h2", {}, chosen().length ? `${chosen().length} chosen` : "Curves"),
      shoal.select("", said("metric", "env/perf"), names, (value) => { set({ metric: value }); curves(true); }),
      shoal.select("over", x, ["steps", "seconds"], (value) => { set({ x: value }); curves(true); }),
      shoal.select("smooth", said("smooth", "0"), [["0", "no"], ["0.6", "a little"], ["0.9", "more"]], (value) => { set({ smooth: value === "0" ? null : value }); curves(); }),
      shoal.toggle("pool seeds", said("pool", "1") === "1", (on) => { set({ pool: on ? null : "0" }); curves(); }),
      shoal.toggle("log", said("log") === "1", (on) => { set({ log: on }); curves(); }),
      shoal.el("span", { class: "end" },
        chosen().length ? shoal.el("button", { onclick: () => { set({ sel: null }); order = []; list.paint(); curves(true); } }, "Clear")
          : shoal.el("span", { class: "soft small" }, `the first ${FIRST} of the list; tick others`)));
  };

  let turn = 0;
  const curves = async (fresh = false) => {
    const mine = (turn += 1);
    const paths = chosen().length ? chosen() : list.rows().slice(0, FIRST).map((row) => row.path);
    if (!chosen().length) order = paths.slice();
    tools();
    if (!paths.length) {
      chart.draw([], { empty: problem.hidden ? "no runs" : "" });
      comparison.hidden = true;
      return;
    }
    try {
      const x = said("x", "steps");
      const answer = await shoal.get("curves", { runs: paths.join(","), metric: said("metric", "env/perf"), x });
      if (mine !== turn) return;
      if (String(metrics) !== String(answer.metrics)) { metrics = answer.metrics; tools(); }
      chart.draw(shoal.lines(answer, { grouped: said("pool", "1") === "1", smooth: Number(said("smooth", "0")), colourOf }),
        { fresh, xLabel: x, yLabel: answer.metric, seconds: x === "seconds", log: said("log") === "1" });
      compare(paths);
    } catch (error) {
      if (mine === turn) chart.draw([], { empty: error.message });
    }
  };

  const compare = async (paths) => {
    comparison.hidden = chosen().length < 2;
    if (!comparison.hidden) comparison.replaceChildren(...shoal.comparison(await shoal.get("compare", { runs: paths.join(",") })));
  };

  const all = async (fresh = false) => {
    if (fresh) filter.value = said("filter");
    await list.refresh({ fresh });
    if (!page.isConnected) return;
    const none = !list.rows().length && problem.hidden && !said("filter");
    hint.hidden = !none;
    await curves(fresh);
  };

  const hint = shoal.el("div", { class: "empty", hidden: true }, "No runs yet: ", shoal.el("code", {}, "shoal train cartpole"), " makes one, and it appears here while it trains.");
  page.append(
    shoal.el("section", { class: "card" },
      shoal.el("div", { class: "head" }, shoal.el("h1", {}, "Runs"), count, shoal.report ? "" : filter, words,
        shoal.report ? "" : shoal.el("button", { onclick: () => { columnBox.hidden = !columnBox.hidden; } }, "Columns")),
      columnBox, problem, list.node, hint),
    shoal.el("section", { class: "card" }, chartTools, chart.node), comparison);
  const suggest = () => shoal.get("names").then(({ names }) => words.append(...names.map((name) => shoal.el("option", { value: `${name}=` }))));
  filter.addEventListener("focus", suggest, { once: true });
  all();
  return { news: () => all(), again: () => { columnBox.value = columns().join(","); all(true); } };
};

// What sets runs apart: settings that differ, and where each of them ended.
shoal.comparison = ({ rows, apart, groups, metric }) => {
  const name = (row) => shoal.el("th", {}, shoal.el("a", { href: shoal.link("run", row.path) }, row.name.replace(/^\d{8}-\d{6}-/, "")));
  const line = (label, values) => shoal.el("tr", {}, shoal.el("td", { class: "soft" }, label), values.map((value) => shoal.el("td", {}, value)));
  const ends = [["seed", shoal.number], ["status", String], ["steps", shoal.number], ["seconds", shoal.duration], ["sps", shoal.number], ["perf", shoal.number], ["score", shoal.number]];
  const group = (one) => shoal.el("tr", {}, shoal.el("td", {}, one.env), shoal.el("td", { class: "mono" }, one.settings || "–"), shoal.el("td", { class: "right" }, one.runs),
    shoal.el("td", {}, one.value === undefined ? "–" : `${shoal.number(one.value)} (${shoal.number(one.low)} to ${shoal.number(one.high)})`));
  return [
    shoal.el("div", { class: "head" }, shoal.el("h2", {}, "Compare"),
      shoal.el("span", { class: "soft small" }, `${metric}: interquartile mean over seeds, 95 % bootstrap interval`)),
    shoal.el("div", { class: "scroll" },
      shoal.el("table", {}, shoal.el("tr", {}, ["env", "settings", "runs", metric].map((text) => shoal.el("th", {}, text))), groups.map(group))),
    shoal.el("div", { class: "scroll" },
      shoal.el("table", {}, shoal.el("tr", {}, shoal.el("th", {}, apart.length ? "differing" : ""), rows.map(name)),
        apart.map((one) => line(one.name, one.values.map(shoal.number))),
        ends.map(([key, text]) => line(key, rows.map((row) => text(row[key] ?? null)))))),
  ];
};
