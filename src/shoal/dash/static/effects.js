// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// What each setting does: a bar for its importance with an interval, and a small chart of the score along it.
"use strict";

shoal.importance = (effects) => {
  if (!effects.length) return shoal.el("div", { class: "empty" }, "too few trials to tell");
  const percent = (value) => `${(100 * Math.min(Math.max(value, 0), 1)).toFixed(1)}%`;
  return shoal.el("div", { class: "importance" }, effects.flatMap((one) => [
    shoal.el("span", { class: "mono", title: one.name }, one.name),
    shoal.el("div", { class: "track", title: `${percent(one.low)} to ${percent(one.high)}` },
      shoal.el("div", { class: "bar", style: `width:${percent(one.importance)}` }),
      shoal.el("div", { class: "whisker", style: `left:${percent(one.low)};width:${percent(one.high - one.low)}` })),
    shoal.el("span", { class: "right small" }, percent(one.importance)),
  ]));
};

// trials: those that ended with a score. dimension: {name, scale, choices}.
shoal.effect = (effect, dimension, trials, y, scale) => {
  const box = (width) => ({ left: 50, right: width - 10, top: 8, bottom: 150 - 22 });
  const view = shoal.canvas(150, (context, width) => {
    const bounds = box(width);
    const px = (value) => bounds.left + scale.to(value) * (bounds.right - bounds.left);
    const py = (value) => bounds.bottom - Math.min(Math.max(y.to(value), -0.02), 1.02) * (bounds.bottom - bounds.top);
    shoal.axes(context, bounds, scale, y);
    context.fillStyle = shoal.css("--soft");
    context.globalAlpha = trials.length > 300 ? 0.25 : 0.45;
    trials.forEach((trial, i) => {
      const value = trial.point[effect.name];
      if (value === undefined) return;
      const shift = scale.kind === "choice" ? (((i * 0.618) % 1) - 0.5) * 14 : 0; // so that equal ones do not hide
      context.fillRect(px(value) - 1.2 + shift, py(trial.score) - 1.2, 2.4, 2.4);
    });
    context.globalAlpha = 1;
    const colour = shoal.css("--accent");
    context.strokeStyle = colour;
    context.fillStyle = colour;
    if (scale.kind !== "choice") {
      context.globalAlpha = 0.2;
      context.beginPath();
      effect.bins.forEach((bin, i) => context[i ? "lineTo" : "moveTo"](px(bin.value), py(bin.high)));
      [...effect.bins].reverse().forEach((bin) => context.lineTo(px(bin.value), py(bin.low)));
      context.fill();
      context.globalAlpha = 1;
      context.lineWidth = 2;
      context.beginPath();
      effect.bins.forEach((bin, i) => context[i ? "lineTo" : "moveTo"](px(bin.value), py(bin.mean)));
      context.stroke();
    }
    context.lineWidth = 1.5;
    for (const bin of effect.bins) {
      const x = px(bin.value);
      if (scale.kind === "choice") {
        context.beginPath();
        context.moveTo(x, py(bin.low));
        context.lineTo(x, py(bin.high));
        context.stroke();
      }
      context.beginPath();
      context.arc(x, py(bin.mean), 3, 0, 7);
      context.fill();
    }
  });
  const rank = scale.kind === "choice" ? "" : `rank correlation ${effect.correlation.toFixed(2)}`;
  return shoal.el("div", {}, shoal.el("div", { class: "small" }, shoal.el("span", { class: "mono" }, effect.name), " ",
    shoal.el("span", { class: "soft", title: dimension.text }, rank)), view.node);
};
