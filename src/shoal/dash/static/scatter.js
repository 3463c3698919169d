// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// Points on two axes of any scale, coloured by a third; a front; a rectangle drawn over them narrows both axes.
"use strict";

// A canvas as wide as its place, sharp on every screen: paint(context, width, height) draws it again at each size.
shoal.canvas = (height, paint, minimum = 0) => {
  const canvas = shoal.el("canvas");
  const node = shoal.el("div", { class: "chart" }, canvas);
  const draw = () => {
    const width = Math.max(node.clientWidth, minimum);
    if (!width) return;
    const dots = devicePixelRatio || 1;
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(dots, dots);
    context.font = "11px system-ui, sans-serif";
    paint(context, width, height);
  };
  shoal.onResize(node, draw);
  return { node, canvas, draw };
};

// Grid, ticks and names of two axes inside the box {left, right, top, bottom}.
shoal.axes = (context, box, x, y, names = ["", ""]) => {
  context.lineWidth = 1;
  context.fillStyle = shoal.css("--soft");
  const grid = (x1, y1, x2, y2) => {
    context.strokeStyle = shoal.css("--grid");
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  };
  context.textAlign = "center";
  context.textBaseline = "top";
  let end = -Infinity; // of the last text, so that none overlap
  for (const tick of x.ticks(Math.max(2, (box.right - box.left) / 90))) {
    const at = Math.round(box.left + x.to(tick) * (box.right - box.left)) + 0.5;
    grid(at, box.top, at, box.bottom);
    const text = x.text(tick);
    const half = context.measureText(text).width / 2 + 5;
    if (at - half < end) continue;
    context.fillText(text, Math.min(at, box.right + 14 - half), box.bottom + 6);
    end = at + half;
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of y.ticks(Math.max(2, (box.bottom - box.top) / 50))) {
    const at = Math.round(box.bottom - y.to(tick) * (box.bottom - box.top)) + 0.5;
    grid(box.left, at, box.right, at);
    context.fillText(y.text(tick), box.left - 7, at);
  }
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(names[0], (box.left + box.right) / 2, box.bottom + 38);
  if (names[1]) {
    context.save();
    context.translate(12, (box.top + box.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(names[1], 0, 0);
    context.restore();
  }
};

// {node, draw({points, x, y, colour, front, names})}; points: {x, y, c, key, faint, hollow, tip}. onpick(key), onbox(range or null).
shoal.scatter = ({ onpick, onbox }) => {
  let now = null;
  let near = null;
  let drag = null;
  const tip = shoal.el("div", { class: "tip", hidden: true });
  const view = shoal.canvas(420, paint);
  view.node.append(tip);
  view.canvas.style.touchAction = "pan-y";
  const box = () => ({ left: 66, right: view.node.clientWidth - 14, top: 12, bottom: 420 - 46 });
  const place = (point) => {
    const { left, right, top, bottom } = box();
    return [left + now.x.to(point.x) * (right - left), bottom - now.y.to(point.y) * (bottom - top)];
  };

  function paint(context) {
    if (!now) return;
    const bounds = box();
    shoal.axes(context, bounds, now.x, now.y, now.names);
    const points = [...now.points].sort((a, b) => b.faint - a.faint);
    if (now.front.length) {
      context.strokeStyle = shoal.css("--soft");
      context.lineWidth = 1.5;
      context.setLineDash([5, 4]);
      context.beginPath();
      now.front.forEach((point, i) => {
        const [px, py] = place(point);
        if (i) context.lineTo(px, place(now.front[i - 1])[1]); // a step: until the next one nothing cheaper is better
        if (i) context.lineTo(px, py); else context.moveTo(px, py);
      });
      context.lineTo(bounds.right, place(now.front[now.front.length - 1])[1]);
      context.stroke();
      context.setLineDash([]);
    }
    const front = new Set(now.front.map((point) => point.key));
    for (const point of points) {
      const [px, py] = place(point);
      const colour = now.colour ? (point.c === undefined || point.c === null ? shoal.css("--soft") : shoal.ramp(now.colour.to(point.c))) : shoal.css("--accent");
      context.globalAlpha = point.faint ? 0.12 : 0.85;
      context.fillStyle = colour;
      context.strokeStyle = point.hollow ? colour : front.has(point.key) ? shoal.css("--ink") : shoal.css("--card");
      context.lineWidth = front.has(point.key) || point.hollow ? 1.5 : 0.75;
      context.beginPath();
      context.arc(px, py, point === near ? 7 : front.has(point.key) ? 5.5 : 4.2, 0, 7);
      if (!point.hollow) context.fill();
      context.stroke();
    }
    context.globalAlpha = 1;
    if (drag && drag.moved) {
      context.strokeStyle = shoal.css("--accent");
      context.fillStyle = shoal.faded(shoal.css("--accent"), 0.12);
      const rectangle = [drag.x, drag.y, drag.toX - drag.x, drag.toY - drag.y];
      context.fillRect(...rectangle);
      context.strokeRect(...rectangle);
    }
  }

  const pointer = (event) => {
    const outer = view.canvas.getBoundingClientRect();
    return [event.clientX - outer.left, event.clientY - outer.top];
  };
  const nearest = (px, py) => {
    let [best, away] = [null, 18 ** 2];
    for (const point of now.points) {
      const [x, y] = place(point);
      const distance = (x - px) ** 2 + (y - py) ** 2 + (point.faint ? 80 : 0);
      if (distance < away) [best, away] = [point, distance];
    }
    return best;
  };
  const hover = (px, py) => {
    const before = near;
    near = nearest(px, py);
    tip.hidden = !near;
    if (near) {
      tip.replaceChildren(...near.tip.map((line, i) => shoal.el("div", { class: i ? "" : "soft" }, line)));
      const [x, y] = place(near);
      tip.style.left = `${Math.max(0, x > view.node.clientWidth / 2 ? x - tip.offsetWidth - 12 : x + 12)}px`;
      tip.style.top = `${Math.max(0, Math.min(y + 10, 420 - tip.offsetHeight))}px`;
    }
    if (before !== near) view.draw();
    view.canvas.style.cursor = near ? "pointer" : "crosshair";
  };
  view.canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = pointer(event);
    if (event.pointerType === "mouse") drag = { x, y, toX: x, toY: y, moved: false };
    else hover(x, y);
  });
  view.canvas.addEventListener("pointermove", (event) => {
    if (!now) return;
    const [x, y] = pointer(event);
    if (!drag) { hover(x, y); return; }
    Object.assign(drag, { toX: x, toY: y, moved: drag.moved || Math.hypot(x - drag.x, y - drag.y) > 5 });
    view.draw();
  });
  addEventListener("pointerup", () => {
    const done = drag;
    drag = null;
    if (!done || !now) return;
    if (!done.moved) { if (near) onpick(near.key); return; }
    const { left, right, top, bottom } = box();
    const t = (value, low, high) => Math.min(Math.max((value - low) / (high - low), 0), 1);
    const xs = [t(done.x, left, right), t(done.toX, left, right)].sort((a, b) => a - b);
    const ys = [t(done.y, bottom, top), t(done.toY, bottom, top)].sort((a, b) => a - b);
    onbox({ x: xs, y: ys });
  });
  view.canvas.addEventListener("pointerleave", () => { if (near && !drag) { near = null; tip.hidden = true; view.draw(); } });
  view.canvas.addEventListener("dblclick", () => onbox(null));
  return { node: view.node, draw: (what) => { now = what; near = null; tip.hidden = true; view.draw(); } };
};

// What the colours mean.
shoal.rampLegend = (scale, name) => {
  const stops = [0, 0.2, 0.4, 0.6, 0.8, 1].map(shoal.ramp).join(",");
  if (scale.kind === "choice") {
    return shoal.el("div", { class: "legend" }, `${name}:`, scale.ticks().map((choice) => shoal.el("span", {},
      shoal.el("i", { class: "swatch", style: `background:${shoal.ramp(scale.to(choice))}` }), String(choice))));
  }
  return shoal.el("div", { class: "legend" }, name, shoal.el("span", {}, scale.text(scale.low)),
    shoal.el("span", { class: "ramp", style: `background:linear-gradient(90deg,${stops})` }), shoal.el("span", {}, scale.text(scale.high)));
};
