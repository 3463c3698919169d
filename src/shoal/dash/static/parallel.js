// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// Parallel coordinates: an axis for each setting, a line for each trial; drawing along an axis keeps what passes there.
"use strict";

const PARALLEL = { height: 330, top: 46, bottom: 20, side: 46, space: 86 };

// {node, draw({axes: [{name, scale}], lines: [{values: {name: value}, colour, faint, key}], brushes: {name: [t, t]}})}
// onbrush(name, [low, high] in [0, 1] or null).
shoal.parallel = ({ onbrush }) => {
  let now = null;
  let drag = null;
  const scroll = shoal.el("div", { class: "scroll" });
  const view = shoal.canvas(PARALLEL.height, paint);
  scroll.append(view.node);
  view.canvas.style.touchAction = "pan-x";
  const at = (i) => PARALLEL.side + (now.axes.length > 1 ? (i * (view.node.clientWidth - 2 * PARALLEL.side)) / (now.axes.length - 1) : 0);
  const high = PARALLEL.height - PARALLEL.top - PARALLEL.bottom;
  const down = (t) => PARALLEL.top + (1 - t) * high;

  function paint(context) {
    if (!now) return;
    const ordered = [...now.lines].sort((a, b) => b.faint - a.faint || a.rank - b.rank);
    for (const line of ordered) {
      context.strokeStyle = line.faint ? shoal.css("--soft") : line.colour;
      context.globalAlpha = line.faint ? 0.06 : now.lines.length > 300 ? 0.4 : 0.65;
      context.lineWidth = 1.2;
      context.beginPath();
      let before = null; // an absent setting leaves a gap
      now.axes.forEach(({ name, scale }, i) => {
        const value = line.values[name];
        if (value === undefined || value === null) { before = null; return; }
        const [x, y] = [at(i), down(scale.to(value))];
        if (before) context.bezierCurveTo((before[0] + x) / 2, before[1], (before[0] + x) / 2, y, x, y);
        else context.moveTo(x, y);
        before = [x, y];
      });
      context.stroke();
    }
    context.globalAlpha = 1;
    const brushes = drag ? { ...now.brushes, [drag.name]: [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] } : now.brushes;
    const space = now.axes.length > 1 ? at(1) - at(0) : 200;
    now.axes.forEach(({ name, scale }, i) => {
      const x = Math.round(at(i)) + 0.5;
      context.strokeStyle = shoal.css("--soft");
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, PARALLEL.top);
      context.lineTo(x, PARALLEL.top + high);
      context.stroke();
      if (brushes[name]) {
        const [low, top] = brushes[name];
        context.fillStyle = shoal.faded(shoal.css("--accent"), 0.3);
        context.strokeStyle = shoal.css("--accent");
        context.fillRect(x - 7, down(top), 14, (top - low) * high);
        context.strokeRect(x - 7, down(top), 14, (top - low) * high);
      }
      context.fillStyle = shoal.css("--soft");
      context.textAlign = "left";
      context.textBaseline = "middle";
      for (const tick of scale.ticks(5)) {
        const [text, y] = [scale.text(tick), down(scale.to(tick))];
        context.globalAlpha = 0.75;
        context.fillStyle = shoal.css("--card");
        context.fillRect(x + 4, y - 6, context.measureText(text).width + 4, 12);
        context.globalAlpha = 1;
        context.fillStyle = shoal.css("--soft");
        context.fillText(text, x + 6, y);
      }
      context.textAlign = "center";
      context.fillStyle = shoal.css("--ink");
      const [section, key] = name.includes(".") ? name.split(".") : ["", name];
      const fit = (text) => { // in the width of one axis
        let short = text;
        while (short.length > 4 && context.measureText(short).width > space - 6) short = `${short.slice(0, -2)}…`;
        return short;
      };
      context.fillText(fit(key), x, PARALLEL.top - 16);
      context.fillStyle = shoal.css("--soft");
      context.fillText(section, x, PARALLEL.top - 31);
    });
  }

  const pointer = (event) => {
    const outer = view.canvas.getBoundingClientRect();
    const t = 1 - (event.clientY - outer.top - PARALLEL.top) / high;
    return [event.clientX - outer.left, Math.min(Math.max(t, 0), 1)];
  };
  view.canvas.addEventListener("pointerdown", (event) => {
    if (!now) return;
    const [x, t] = pointer(event);
    const i = now.axes.findIndex((_, axis) => Math.abs(at(axis) - x) < 22);
    if (i >= 0) drag = { name: now.axes[i].name, from: t, to: t };
  });
  view.canvas.addEventListener("pointermove", (event) => {
    if (!now) return;
    const [x, t] = pointer(event);
    view.canvas.style.cursor = now.axes.some((_, axis) => Math.abs(at(axis) - x) < 22) ? "ns-resize" : "default";
    if (drag) { drag.to = t; view.draw(); }
  });
  addEventListener("pointerup", () => {
    const done = drag;
    drag = null;
    if (!done) return;
    const range = [Math.min(done.from, done.to), Math.max(done.from, done.to)];
    onbrush(done.name, range[1] - range[0] > 0.01 ? range : null); // a click lets go
  });
  return {
    node: scroll,
    draw: (what) => {
      now = what;
      view.node.style.minWidth = `${2 * PARALLEL.side + PARALLEL.space * (what.axes.length - 1)}px`;
      view.draw();
    },
  };
};
