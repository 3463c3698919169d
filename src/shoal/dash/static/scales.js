// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// Axes: a value to [0, 1] and back, and where the ticks are. linear, log, pow2, logit, choice.
"use strict";

// Returns {kind, to(value) -> 0..1, from(t), ticks(count), text(value)}; bounds are widened where they meet.
shoal.scale = (kind, values, choices = []) => {
  if (kind === "choice") return shoal.choiceScale(choices.length ? choices : [...new Set(values)]);
  const inside = values.filter((v) => Number.isFinite(v) && (kind === "linear" || (v > 0 && (kind !== "logit" || v < 1))));
  let low = inside.length ? Math.min(...inside) : kind === "linear" ? 0 : 0.1;
  let high = inside.length ? Math.max(...inside) : kind === "linear" ? 1 : 0.9;
  if (low === high) {
    if (kind === "linear") [low, high] = [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2];
    else if (kind !== "logit") [low, high] = [low / 2, high * 2];
    else [low, high] = [low / (2 - low), 1 - (1 - high) / 2];
  }
  const forward = { linear: (v) => v, log: Math.log10, pow2: Math.log2, logit: (v) => Math.log10(v / (1 - v)) }[kind];
  const back = { linear: (u) => u, log: (u) => 10 ** u, pow2: (u) => 2 ** u, logit: (u) => 1 / (1 + 10 ** -u) }[kind];
  const [start, end] = [forward(low), forward(high)];
  const to = (value) => (forward(value) - start) / (end - start);
  const all = { linear: linearTicks, log: logTicks, pow2: powerTicks, logit: logitTicks }[kind];
  const ticks = (count) => all(low, high, count).filter((v) => to(v) >= -1e-9 && to(v) <= 1 + 1e-9);
  return { kind, low, high, to, from: (t) => back(start + t * (end - start)), ticks, text: tickText };
};

shoal.choiceScale = (choices) => ({
  kind: "choice",
  to: (value) => (choices.indexOf(value) + 0.5) / choices.length,
  from: (t) => choices[Math.min(Math.max(Math.floor(t * choices.length), 0), choices.length - 1)],
  ticks: () => choices,
  text: (value) => String(value),
});

function tickText(value) {
  const size = Math.abs(value);
  if (value > 0.9 && value < 1) return String(+value.toPrecision(6));
  if (size >= 1e3 || size === 0 || size >= 1e-3) return shoal.number(value);
  return value.toExponential(0).replace("e+", "e");
}

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(+(i * step).toPrecision(12));
  return ticks;
}

function logTicks(low, high, count) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = last - first;
  const within = decades <= count / 3 ? [1, 2, 5] : decades <= count / 2 ? [1, 3] : [1];
  const ticks = [];
  const step = within.length === 1 ? Math.max(1, Math.ceil(decades / count)) : 1;
  for (let power = first; power <= last; power += step) {
    for (const digit of within) ticks.push(+(digit * 10 ** power).toPrecision(12));
  }
  return ticks.filter((v) => v >= low && v <= high).length >= 2 ? ticks : linearTicks(low, high, count);
}

function powerTicks(low, high, count) {
  const [first, last] = [Math.ceil(Math.log2(low) - 1e-9), Math.floor(Math.log2(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first) / count));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 2 ** (first + i * step));
}

function logitTicks(low, high, count) {
  const ticks = [0.5];
  for (let power = 1; power <= 9; power += 1) {
    for (const digit of [1, 2, 5]) {
      const v = digit * 10 ** -power;
      if (v < 0.5) ticks.push(+v.toPrecision(12), +(1 - v).toPrecision(12));
    }
  }
  const inside = ticks.filter((v) => v >= low && v <= high).sort((a, b) => a - b);
  const tens = inside.filter((v) => /^(0\.5|0\.0*1|0\.9+)$/.test(v.toFixed(9).replace(/0+$/, "")));
  if (inside.length <= count) return inside.length >= 2 ? inside : linearTicks(low, high, count);
  return tens.length >= 2 ? tens : inside.filter((_, i) => i % Math.ceil(inside.length / count) === 0);
}

// Which scale suits values that nobody declared: what spans two decades above 0 is seen best in logarithms.
shoal.suits = (values) => {
  const numbers = values.filter((v) => typeof v === "number");
  if (!numbers.length) return "choice";
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return low > 0 && high / low > 100 ? "log" : "linear";
};
