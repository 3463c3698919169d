// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// Learning curves: runs as lines, seeds of one setting as a mean with its band. uPlot draws.
"use strict";

// What to draw for an answer of `curves`: {label, title, colour, x, y, low?, high?, dashed?}, one for each line.
shoal.lines = (answer, { grouped, smooth = 0, colourOf }) => {
  const lines = [];
  const pooled = new Set();
  if (grouped) {
    for (const group of answer.groups) {
      group.paths.forEach((path) => pooled.add(path));
      const [mean, low, high] = [group.mean, group.low, group.high].map((values) => shoal.smoothed(values, smooth));
      lines.push({
        label: `${group.env} ${group.settings} (${group.paths.length} seeds)`, colour: colourOf(group.paths[0]),
        href: shoal.link("runs", "", { filter: `settings=${group.settings}` }),
        title: `mean of ${group.paths.length} seeds; band: ${group.kind}`, x: group.x, y: mean, low, high,
      });
    }
  }
  for (const one of answer.series) {
    if (pooled.has(one.path) || !one.x.length) continue;
    lines.push({
      label: `${one.env} ${one.name.replace(/^\d{8}-\d{6}-/, "")}`, colour: colourOf(one.path), title: `seed ${one.seed}`,
      href: shoal.link("run", one.path), x: one.x, y: shoal.smoothed(one.y, smooth),
    });
  }
  return lines;
};

// A moving average that forgets a share of 1 - `weight` with each point, without the bias of its beginning.
shoal.smoothed = (values, weight) => {
  if (!weight) return values;
  let [sum, mass] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value;
    mass = mass * weight + 1;
    return sum / mass;
  });
};

// A chart that can be drawn again: {draw(lines, options), node}. options: {xLabel, yLabel, log, seconds, height, legend}.
shoal.chart = () => {
  const place = shoal.el("div", { class: "chart" });
  const tip = shoal.el("div", { class: "tip", hidden: true });
  const legend = shoal.el("div", { class: "legend" });
  const node = shoal.el("div", {}, place, legend);
  let plot = null;

  const draw = (lines, options = {}) => {
    const range = plot && !options.fresh && plot.zoomed ? { ...plot.scales.x } : null;
    if (plot) plot.destroy();
    plot = null;
    place.replaceChildren();
    legend.replaceChildren();
    const log = options.log && lines.some((line) => line.y.some((v) => v > 0));
    const shown = log ? lines.map((line) => cut(line)) : lines;
    if (!shown.some((line) => line.x.length)) {
      place.append(shoal.el("div", { class: "empty" }, options.empty || "no such metric yet"));
      return;
    }
    const { tables, series, bands } = arranged(shown);
    place.append(tip);
    plot = new uPlot({
      width: Math.max(place.clientWidth, 200), height: options.height || 340, series, bands,
      padding: [10, 22, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: log ? { distr: 3 } : { range: (u, low, high) => uPlot.rangeNum(low, high, 0.05, false) } },
      axes: [axis(options.xLabel, options.seconds ? shoal.duration : shoal.number, 28, 90), axis(options.yLabel, shoal.number, 62, 46)],
      cursor: { points: { show: false }, drag: { x: true, y: false } },
      hooks: {
        setCursor: [(u) => pointed(u, shown, tip, options)],
        setSelect: [(u) => { if (u.select.width > 0) u.zoomed = true; }],
      },
    }, uPlot.join(tables), place);
    plot.over.addEventListener("dblclick", () => { plot.zoomed = false; });
    if (range) { plot.zoomed = true; plot.setScale("x", range); }
    if (options.legend !== false) {
      legend.append(...shown.slice(0, 24).map((line) => shoal.el("span", { title: line.title },
        swatch(line.colour), line.href ? shoal.el("a", { href: line.href }, line.label) : line.label)));
      const kinds = [...new Set(shown.filter((line) => line.low).map((line) => line.title))];
      legend.append(...kinds.map((kind) => shoal.el("span", { class: "soft" }, kind)));
    }
  };

  shoal.onResize(node, () => { if (plot) plot.setSize({ width: Math.max(place.clientWidth, 200), height: plot.height }); });
  return { node, draw };
};

// Calls back when an element becomes wider or narrower.
shoal.onResize = (node, callback) => {
  let width = 0;
  new ResizeObserver(() => {
    if (node.clientWidth !== width) {
      width = node.clientWidth;
      requestAnimationFrame(callback);
    }
  }).observe(node);
};

function swatch(colour) {
  return shoal.el("i", { class: "swatch", style: `background:${colour}` });
}

// Only what a logarithmic axis can show.
function cut(line) {
  const kept = line.x.map((_, i) => i).filter((i) => line.y[i] > 0);
  const at = (values) => values && kept.map((i) => (values[i] > 0 ? values[i] : line.y[i]));
  return { ...line, x: at(line.x), y: kept.map((i) => line.y[i]), low: at(line.low), high: at(line.high) };
}

function arranged(lines) {
  const [tables, series, bands] = [[], [{}], []];
  for (const line of lines) {
    const columns = [line.x, line.y];
    series.push({ stroke: line.colour, width: line.low ? 2 : 1.4, points: { show: line.x.length < 2 } });
    if (line.low) {
      columns.push(line.high, line.low);
      const edge = { stroke: shoal.faded(line.colour, 0.001), width: 0.01, points: { show: false } };
      series.push(edge, { ...edge });
      bands.push({ series: [series.length - 2, series.length - 1], fill: shoal.faded(line.colour, 0.18) });
    }
    tables.push(columns);
  }
  return { tables, series, bands };
}

function axis(label, text, size, space) {
  return {
    label, labelSize: label ? 18 : 0, size, space, stroke: shoal.css("--soft"),
    font: "11px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", labelGap: 0,
    grid: { stroke: shoal.css("--grid"), width: 1 }, ticks: { stroke: shoal.css("--line"), width: 1, size: 5 },
    values: (u, splits) => splits.map((v) => (v === null ? null : text(v))),
  };
}

// The values under the pointer, the nearest to it first.
function pointed(u, lines, tip, options) {
  const { left, top } = u.cursor;
  tip.hidden = left < 0 || !lines.length;
  if (tip.hidden) return;
  const x = u.posToVal(left, "x");
  const near = lines.map((line) => {
    let i = line.x.findIndex((v) => v >= x);
    if (i < 0) i = line.x.length - 1;
    if (i > 0 && x - line.x[i - 1] < line.x[i] - x) i -= 1;
    return { line, i, away: Math.abs(u.valToPos(line.y[i], "y") - top) };
  }).filter(({ line, i }) => line.y[i] !== null).sort((a, b) => a.away - b.away).slice(0, 6);
  const value = ({ line, i }) => shoal.number(line.y[i]) + (line.low && line.low[i] !== null
    ? ` (${shoal.number(line.low[i])} to ${shoal.number(line.high[i])})` : "");
  tip.replaceChildren(
    shoal.el("div", { class: "soft" }, `${options.xLabel || "x"} ${options.seconds ? shoal.duration(x) : shoal.number(x)}`),
    ...near.map((one) => shoal.el("div", {}, swatch(one.line.colour), `${value(one)}  ${one.line.label}`)));
  const box = u.over.getBoundingClientRect();
  const outer = tip.parentElement.getBoundingClientRect();
  const at = box.left - outer.left + left;
  tip.style.left = `${Math.max(0, left > box.width / 2 ? at - tip.offsetWidth - 14 : at + 14)}px`;
  tip.style.top = `${Math.min(Math.max(top + 10, 0), box.height - tip.offsetHeight)}px`;
}
