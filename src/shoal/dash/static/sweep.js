// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// The list of sweeps, and the page of one: scatter, parallel coordinates, importance, effects, best settings, trials.
"use strict";

// The best score as its metric says it: of those where less is better, scores are the negatives.
shoal.best = ({ score, sign }) => shoal.number(score === null ? null : sign * score);

shoal.pages.sweeps = (page) => {
  const card = shoal.el("section", { class: "card" });
  page.append(card);
  const load = async () => {
    const { sweeps } = await shoal.get("sweeps");
    const heads = ["name", "environment", "metric", "trials", "running", "failed", "best", "time", "started"];
    card.replaceChildren(shoal.el("div", { class: "head" }, shoal.el("h1", {}, "Sweeps"), shoal.el("span", { class: "soft small" }, sweeps.length)),
      sweeps.length ? shoal.el("div", { class: "scroll" }, shoal.el("table", {}, shoal.el("tr", {}, heads.map((text) => shoal.el("th", {}, text))),
        sweeps.map((one) => shoal.el("tr", {},
          [shoal.el("a", { href: shoal.link("sweep", one.name) }, one.name), one.env, one.metric, one.counts.done + one.counts.stopped, one.counts.running, one.counts.failed,
            one.error || shoal.best(one), shoal.duration(one.seconds), shoal.time(one.started)].map((cell) => shoal.el("td", {}, cell))))))
        : shoal.el("div", { class: "empty" }, "No sweeps yet: ", shoal.el("code", {}, "shoal sweep cartpole"), " makes one, and its trials appear here as they end."));
  };
  load();
  return { news: load };
};

shoal.pages.sweep = (page, name) => {
  const said = (key, otherwise = "") => shoal.address().query.get(key) ?? otherwise;
  const top = shoal.el("section", { class: "card" }, shoal.el("div", { class: "empty" }, "…"));
  const body = shoal.el("div", { hidden: true });
  page.append(top, body);
  let sweep = null;

  // -------------------------------------------------------------------------------------------- variables
  const FIXED = ["cost", "score", "steps", "number"];
  const variables = () => [...FIXED, ...sweep.dimensions.map((one) => one.name)];
  const value = (trial, key) => (FIXED.includes(key) ? trial[key] : trial.point[key]);
  const label = (key) => ({ cost: "cost (seconds)", score: `score (${sweep.sign < 0 ? "−" : ""}${sweep.metric})`, number: "trial" })[key] || key;
  const natural = (key) => {
    const dimension = sweep.dimensions.find((one) => one.name === key);
    if (dimension) return { integer: "linear" }[dimension.scale] || dimension.scale;
    const values = shown().map((trial) => value(trial, key));
    return key === "score" || key === "number" ? "linear" : shoal.suits(values.filter((v) => v > 0));
  };
  const scaleOf = (key, wanted = "") => {
    const dimension = sweep.dimensions.find((one) => one.name === key);
    const kind = wanted && natural(key) !== "choice" ? wanted : natural(key);
    return shoal.scale(kind, shown().map((trial) => value(trial, key)).filter((v) => v !== undefined && v !== null), dimension ? dimension.choices : []);
  };
  const fits = (scale, v) => v !== undefined && v !== null && Number.isFinite(scale.to(v));
  const shown = () => sweep.trials.filter((trial) => trial.score !== null && trial.status !== "failed");

  // brush=name:low:high,...: shares of the axis for choices, else values
  const brushes = () => Object.fromEntries(said("brush").split(",").filter(Boolean).map((text) => {
    const [key, low, high] = text.split(":");
    return [key, [Number(low), Number(high)]];
  }).filter(([key]) => variables().includes(key)));
  const brush = (changes) => {
    const now = brushes();
    for (const [key, range] of Object.entries(changes)) {
      const scale = scaleOf(key);
      if (range) now[key] = scale.kind === "choice" ? range : range.map((t) => +scale.from(t).toPrecision(5));
      else delete now[key];
    }
    shoal.remember({ brush: Object.entries(now).map(([key, range]) => `${key}:${range.join(":")}`).join(",") });
    draw();
  };
  const passing = () => { // a function of a trial
    const tests = Object.entries(brushes()).map(([key, [low, high]]) => {
      const scale = scaleOf(key);
      return (trial) => {
        const at = scale.kind === "choice" ? scale.to(value(trial, key)) : value(trial, key);
        return at >= low && at <= high;
      };
    });
    return (trial) => tests.every((test) => test(trial));
  };

  // -------------------------------------------------------------------------------------------- parts
  const open = (number) => {
    const trial = sweep.trials.find((one) => one.number === number);
    if (trial && trial.run && !shoal.report) location.hash = shoal.link("run", trial.run);
  };
  const scatter = shoal.scatter({
    onpick: open,
    onbox: (range) => {
      const [x, y] = [said("x", "cost"), said("y", "score")];
      const other = (key, wanted, t) => { // from the axis as it is drawn to the scale that brushes are kept in
        const [drawn, kept] = [scaleOf(key, wanted), scaleOf(key)];
        return t.map((one) => (kept.kind === "choice" ? one : kept.to(drawn.from(one))));
      };
      brush(range ? { [x]: other(x, said("xs"), range.x), [y]: other(y, said("ys"), range.y) } : { [x]: null, [y]: null });
    },
  });
  const parallel = shoal.parallel({ onbrush: (key, range) => brush({ [key]: range }) });
  const curves = shoal.chart();
  const part = () => shoal.el("div");
  const [scatterTools, rampLegend, importance, effects, best, chosenText] = [part(), part(), part(), part(), part(), shoal.el("span", { class: "soft small" })];
  scatterTools.className = "head";
  effects.className = "many tight";
  const card = (title, note, ...children) => shoal.el("section", { class: "card" },
    shoal.el("div", { class: "head" }, shoal.el("h2", {}, title), shoal.el("span", { class: "soft small" }, note)), ...children);
  let sorted = [];
  const table = shoal.list({
    chosen: () => false,
    width: () => 700,
    grid: () => "84px 80px 80px 80px 80px 76px minmax(260px, 1fr)",
    title: () => ["number", "score", "cost", "steps", "status", "purpose"].map((key) => {
      const sort = said("sort", "-number");
      const on = sort.replace("-", "") === key;
      return shoal.el("button", { class: `${["score", "cost", "steps"].includes(key) ? "right " : ""}${on ? "sorted" : ""}`, onclick: () => { shoal.remember({ sort: sort === `-${key}` ? key : `-${key}` }); draw(); } },
        key + (on ? (sort.startsWith("-") ? " ↓" : " ↑") : ""));
    }).concat(shoal.el("span", { class: "soft" }, "setting")),
    load: async (offset, count) => ({ rows: sorted.slice(offset, offset + count), total: sorted.length }),
    cells: (trial) => [
      trial.run && !shoal.report ? shoal.el("a", { href: shoal.link("run", trial.run), "data-key": String(trial.number) }, trial.number) : shoal.el("span", {}, trial.number),
      ...[shoal.number(trial.score), shoal.duration(trial.cost), shoal.number(trial.steps)].map((text) => shoal.el("span", { class: "right" }, text)),
      shoal.el("span", {}, shoal.el("span", { class: `pill ${trial.status}`, title: trial.reason }, trial.status)), shoal.el("span", {}, trial.purpose),
      shoal.el("span", { class: "mono", title: Object.entries(trial.point).map(([k, v]) => `${k}=${v}`).join("\n") },
        trial.status === "failed" ? trial.reason : Object.entries(trial.point).map(([k, v]) => `${k.split(".").pop()}=${shoal.number(v)}`).join(" ")),
    ],
  });
  body.append(
    shoal.el("section", { class: "card" }, scatterTools, scatter.node, rampLegend),
    shoal.el("section", { class: "card" }, shoal.el("div", { class: "head" }, shoal.el("h2", {}, "Settings"), chosenText,
      shoal.el("button", { class: "end", onclick: () => { shoal.remember({ brush: null }); draw(); } }, "Clear")), parallel.node),
    shoal.el("div", { class: "two" },
      card("Importance", "share of the variance between trials that a setting explains alone; line: 95 % interval", importance),
      card("Best settings", "confirmed on fresh seeds first; the best of many trials flatters itself", best)),
    card("Effect of each setting", "points: trials; line: mean of trials around there with its 95 % interval", effects),
    card("Learning curves", "of the Pareto front and the best settings", curves.node),
    card("Trials", "", table.node));

  // -------------------------------------------------------------------------------------------- drawing
  const drawScatter = (passes) => {
    const [x, y, colour] = [said("x", "cost"), said("y", "score"), said("colour", sweep.effects.length ? sweep.effects[0].name : "number")];
    const scales = ["", "linear", "log", "logit"].map((kind) => [kind, kind || "auto"]);
    const pick = (text, key, now, choices) => shoal.select(text, now, choices, (chosen) => { shoal.remember({ [key]: chosen }); draw(); });
    scatterTools.replaceChildren(shoal.el("h2", {}, "Trials"), pick("x", "x", x, variables()), pick("", "xs", said("xs"), scales), pick("y", "y", y, variables()), pick("", "ys", said("ys"), scales),
      pick("colour", "colour", colour, variables()), shoal.el("span", { class: "soft small end" }, "draw a rectangle to narrow, double-click to undo"));
    const [sx, sy, sc] = [scaleOf(x, said("xs")), scaleOf(y, said("ys")), scaleOf(colour)];
    const points = shown().filter((trial) => fits(sx, value(trial, x)) && fits(sy, value(trial, y))).map((trial) => ({
      x: value(trial, x), y: value(trial, y), c: value(trial, colour), key: trial.number, faint: !passes(trial), hollow: trial.status === "running" || trial.purpose !== "search",
      tip: [`trial ${trial.number}, ${trial.status}${trial.purpose === "search" ? "" : `, ${trial.purpose}`}`, `score ${shoal.number(trial.score)}, ${shoal.duration(trial.cost)}`,
        ...Object.entries(trial.point).slice(0, 14).map(([key, v]) => `${key} ${shoal.number(v)}`)],
    }));
    const hasFront = y === "score" && (x === "cost" || x === "steps");
    const ended = new Set(sweep.trials.filter((trial) => trial.status !== "running").map((trial) => trial.number));
    const front = [];
    for (const point of hasFront ? points.filter((one) => ended.has(one.key)).sort((a, b) => a.x - b.x || b.y - a.y) : []) {
      if (!front.length || point.y > front[front.length - 1].y) front.push(point);
    }
    scatter.draw({ points, x: sx, y: sy, colour: sc, front, names: [label(x), label(y)] });
    rampLegend.replaceChildren(shoal.rampLegend(sc, label(colour)),
      shoal.el("div", { class: "legend" }, hasFront ? "dashed: Pareto front; " : "", "hollow: running, or a repeat of a setting"));
  };

  const drawParallel = (passes) => {
    const axes = [...sweep.dimensions.map((one) => one.name), "cost", "score"].map((key) => ({ name: key, scale: scaleOf(key) }));
    const score = scaleOf("score");
    const trials = shown();
    const lines = trials.map((trial) => ({
      values: Object.fromEntries(axes.map(({ name: key }) => [key, value(trial, key)])), key: trial.number, faint: !passes(trial), rank: trial.score, colour: shoal.ramp(score.to(trial.score)),
    }));
    const byShare = Object.fromEntries(Object.entries(brushes()).map(([key, range]) => {
      const scale = scaleOf(key);
      return [key, scale.kind === "choice" ? range : range.map((v) => Math.min(Math.max(scale.to(v), 0), 1))];
    }));
    parallel.draw({ axes, lines, brushes: byShare });
    const kept = lines.filter((line) => !line.faint).length;
    chosenText.textContent = kept === lines.length ? "draw along an axis to keep what passes there" : `${kept} of ${lines.length} trials`;
  };

  const drawEffects = () => {
    importance.replaceChildren(shoal.importance(sweep.effects));
    const counted = shown().filter((trial) => trial.status !== "running");
    const y = shoal.scale("linear", counted.map((trial) => trial.score));
    effects.replaceChildren(...(sweep.effects.length ? [] : [shoal.el("span", { class: "soft" }, "too few trials to tell")]));
    effects.append(...sweep.effects.map((effect) => shoal.effect(effect, sweep.dimensions.find((one) => one.name === effect.name), counted, y, scaleOf(effect.name))));
  };

  const drawBest = () => {
    const interval = (row) => {
      const [low, high] = [sweep.sign * row.low, sweep.sign * row.high].sort((a, b) => a - b);
      return row.low === null ? "" : ` (${shoal.number(low)} to ${shoal.number(high)})`;
    };
    const rows = sweep.best.map((row) => {
      const button = shoal.el("button", { onclick: () => shoal.copy(button, shoal.toml(row.point)) }, "Copy");
      return shoal.el("details", {}, shoal.el("summary", {}, shoal.el("b", { style: "color:var(--ink)" }, shoal.best({ score: row.score, sign: sweep.sign })), interval(row),
        ` · ${row.seeds} ${row.confirmed ? "confirming " : ""}${row.seeds === 1 ? "trial" : "trials"} · ${shoal.duration(row.cost)} · trial ${row.trials[0]} `,
        row.confirmed ? shoal.el("span", { class: "pill done" }, "confirmed") : ""), shoal.el("pre", {}, shoal.toml(row.point)), button);
    });
    if (rows.length) rows[0].open = true;
    best.replaceChildren(...(rows.length ? rows : [shoal.el("div", { class: "empty" }, "no trial has ended yet")]));
  };

  const drawCurves = () => {
    const lines = sweep.trials.filter((trial) => trial.curve && trial.curve.length).sort((a, b) => b.score - a.score).slice(0, 12).map((trial, i) => ({
      label: `trial ${trial.number}`, title: "", colour: shoal.colour(i), x: trial.curve.map((p) => p[1]), y: trial.curve.map((p) => p[2]),
      href: trial.run && !shoal.report ? shoal.link("run", trial.run) : null,
    }));
    curves.draw(lines, { xLabel: "steps", yLabel: label("score"), height: 280, empty: "no evaluations yet" });
  };

  const draw = () => {
    const passes = passing();
    drawScatter(passes);
    drawParallel(passes);
    const sort = said("sort", "-number");
    const [key, sign] = [sort.replace("-", ""), sort.startsWith("-") ? -1 : 1];
    sorted = sweep.trials.filter(passes)
      .sort((a, b) => (a[key] === null) - (b[key] === null) || sign * (a[key] < b[key] ? -1 : a[key] > b[key]));
    table.refresh({ fresh: true });
  };

  const load = async () => {
    try {
      sweep = await shoal.get("sweep", { name });
    } catch (error) {
      top.replaceChildren(shoal.el("div", { class: "problem" }, error.message));
      return;
    }
    const fact = (text, what) => shoal.el("div", {}, shoal.el("span", {}, text), shoal.el("b", {}, what));
    const { counts } = sweep;
    top.replaceChildren(shoal.el("div", { class: "head" }, shoal.el("h1", {}, sweep.name), counts.running ? shoal.el("span", { class: "pill running" }, `${counts.running} running`) : ""),
      shoal.el("div", { class: "facts" }, fact("environment", sweep.env || "–"), fact("metric", sweep.metric), fact("trials", counts.done + counts.stopped), fact("stopped early", counts.stopped),
        fact("failed", counts.failed), fact("best trial", shoal.best(sweep)), fact("training time", shoal.duration(sweep.seconds)), fact("search time", shoal.duration(sweep.thought)), fact("started", shoal.time(sweep.started))));
    body.hidden = !sweep.trials.length;
    if (body.hidden) { top.append(shoal.el("div", { class: "empty" }, "no trials yet")); return; }
    draw();
    drawEffects();
    drawBest();
    drawCurves();
  };
  load();
  return { news: load, again: () => sweep && draw() };
};
