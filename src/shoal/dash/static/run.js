// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// The page of one run: how it ended, its curves, recordings, settings, where it comes from, its checkpoints.
"use strict";

const CHARTS = ["env/perf", "env/score", "episode/return", "episode/length", "policy/entropy", "policy/kl", "loss/policy", "loss/value", "value/explained_variance", "optimizer/learning_rate", "perf/sps"];

shoal.pages.run = (page, path) => {
  const said = (key, otherwise = "") => shoal.address().query.get(key) ?? otherwise;
  const top = shoal.el("section", { class: "card" }, shoal.el("div", { class: "empty" }, "…"));
  const charts = new Map();
  const grid = shoal.el("div", { class: "many" });
  const tools = shoal.el("div", { class: "head" });
  const rest = shoal.el("div");
  let known = null;

  const draw = async () => {
    const x = said("x", "steps");
    const every = said("all") === "1";
    tools.replaceChildren(shoal.el("h2", {}, "Metrics"),
      shoal.select("over", x, ["steps", "seconds"], (value) => { shoal.remember({ x: value }); draw(); }),
      shoal.toggle("all", every, (on) => { shoal.remember({ all: on }); draw(); }));
    const names = known.metrics.filter((name) => name !== "steps" && name !== "seconds" && (every || CHARTS.includes(name)));
    names.sort((a, b) => (CHARTS.indexOf(a) + 1 || 99) - (CHARTS.indexOf(b) + 1 || 99));
    for (const name of names) if (!charts.has(name)) charts.set(name, shoal.chart());
    if (String([...grid.children].map((child) => child.dataset.name)) !== String(names)) {
      grid.replaceChildren(...names.map((name) => shoal.el("div", { "data-name": name }, shoal.el("div", { class: "small soft" }, name), charts.get(name).node)));
    }
    await Promise.all(names.map(async (name) => {
      const answer = await shoal.get("curves", { runs: path, metric: name, x });
      charts.get(name).draw(shoal.lines(answer, { grouped: false, colourOf: () => shoal.css("--accent") }),
        { xLabel: "", seconds: x === "seconds", height: 170, legend: false });
    }));
    if (!names.length) grid.replaceChildren(shoal.el("div", { class: "empty" }, "no metrics yet"));
  };

  const load = async () => {
    let answer;
    try {
      answer = await shoal.get("run", { path });
    } catch (error) {
      top.replaceChildren(shoal.el("div", { class: "problem" }, error.message));
      return;
    }
    if (String(answer.media) !== String(known && known.media) || !rest.childElementCount || answer.weights.length !== known.weights.length) {
      rest.replaceChildren(...shoal.aboutRun(answer, path));
    }
    known = answer;
    top.replaceChildren(...shoal.runHead(answer, path));
    await draw();
  };
  page.append(top, shoal.el("section", { class: "card" }, tools, grid), rest);
  load();
  return { news: load };
};

shoal.runHead = ({ row }, path) => {
  const fact = (label, text) => shoal.el("div", {}, shoal.el("span", {}, label), shoal.el("b", {}, text));
  return [
    shoal.el("div", { class: "head" }, shoal.el("h1", {}, row.name), shoal.el("span", { class: `pill ${row.status}` }, row.status),
      shoal.el("a", { class: "end small", href: shoal.link("runs", "", { sel: path }) }, "with others"),
      row.settings ? shoal.el("a", { class: "small", href: shoal.link("runs", "", { filter: `settings=${row.settings}` }) }, "all seeds of these settings") : ""),
    row.error ? shoal.el("div", { class: "problem" }, row.error) : "",
    shoal.el("div", { class: "facts" }, fact("environment", row.env), fact("seed", shoal.number(row.seed)), fact("perf", shoal.number(row.perf)), fact("score", shoal.number(row.score)),
      fact("solved", row.solved === null ? "–" : row.solved ? "yes" : "no"), fact("steps", shoal.number(row.steps)), fact("time", shoal.duration(row.seconds)),
      fact("steps/s", shoal.number(row.sps)), fact("started", shoal.time(row.started)), row.tags && row.tags.length ? fact("tags", row.tags.join(" ")) : ""),
  ];
};

shoal.aboutRun = ({ settings, trained, result, weights, media, folder, row }, path) => {
  const pairs = (entries) => shoal.el("table", { class: "pairs" }, entries.map(([key, value]) =>
    shoal.el("tr", {}, shoal.el("td", {}, key), shoal.el("td", { class: "wrap mono" }, typeof value === "number" ? String(value) : shoal.number(value)))));
  const card = (title, ...children) => shoal.el("section", { class: "card" }, shoal.el("div", { class: "head" }, shoal.el("h2", {}, title)), ...children);
  const parts = [];
  if (media.length && !shoal.report) {
    parts.push(card("Recordings", shoal.el("div", { class: "many" }, media.map((name) => {
      const address = `media/${[...path.split("/"), ...name.split("/")].map(encodeURIComponent).join("/")}`;
      const shown = name.endsWith(".mp4") ? shoal.el("video", { class: "media", src: address, controls: true, loop: true, muted: true })
        : shoal.el("img", { class: "media", src: address, loading: "lazy", alt: name });
      return shoal.el("figure", { style: "margin:0" }, shown, shoal.el("figcaption", { class: "small soft" }, name));
    }))));
  }
  const evaluation = Object.entries(result).filter(([name]) => name.startsWith("eval.")).map(([name, value]) => [name.slice(5), shoal.number(value)]);
  const entries = trained.map((entry) => pairs(Object.entries(entry)));
  const sections = Object.entries(settings).map(([name, values]) => shoal.el("div", {}, shoal.el("div", { class: "small soft mono" }, `[${name}]`), pairs(Object.entries(values))));
  parts.push(shoal.el("div", { class: "two" },
    shoal.el("div", {},
      card("Where it comes from", entries.length ? entries : shoal.el("div", { class: "soft" }, "nothing is noted"),
        pairs([["folder", folder], ...(row.preset ? [["preset", row.preset]] : []), ["settings", row.settings || "–"]])),
      evaluation.length ? card("Last evaluation", pairs([["episodes", shoal.number(result.episodes ?? null)], ...evaluation])) : "",
      card("Checkpoints", weights.length ? shoal.el("table", {}, shoal.el("tr", {}, shoal.el("th", { class: "right" }, "steps"), shoal.el("th", { class: "right" }, "size")),
        weights.slice(-20).reverse().map((one) => shoal.el("tr", {}, shoal.el("td", { class: "right" }, one.steps.toLocaleString("en")), shoal.el("td", { class: "right" }, shoal.bytes(one.bytes)))))
        : shoal.el("div", { class: "soft" }, "none yet"), weights.length > 20 ? shoal.el("div", { class: "soft small" }, `the newest 20 of ${weights.length}`) : "")),
    card("Settings", shoal.el("div", { class: "sections" }, sections))));
  return parts;
};
