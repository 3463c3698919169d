// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// A long list of which only the rows in sight exist; the others come in pages when they are scrolled to.
"use strict";

const ROW = 32; // pixels, as style.css has it
const CHUNK = 100; // rows of a page

// shoal.list({load(offset, count) -> {rows, total}, title() -> cells, cells(row) -> cells, grid() -> css columns})
// -> {node, refresh(), rows()}; rows that are already there stay until newer ones arrive.
shoal.list = ({ load, title, cells, grid, width, chosen }) => {
  const head = shoal.el("div", { class: "row title", role: "row" });
  const body = shoal.el("div", { class: "rows", role: "rowgroup" });
  const node = shoal.el("div", { class: "list", role: "table", onscroll: () => shown() }, head, body);
  let pages = new Map(); // page -> rows
  let asked = new Set();
  let total = 0;
  let round = 0; // answers to what was asked before the last change are dropped

  const fetchPage = async (page) => {
    if (asked.has(page)) return;
    asked.add(page);
    const mine = round;
    const answer = await load(page * CHUNK, CHUNK);
    if (mine !== round || !answer) return;
    pages.set(page, answer.rows);
    total = answer.total;
    paint();
  };

  const range = () => {
    const first = Math.max(0, Math.floor(node.scrollTop / ROW) - 8);
    return [first, Math.min(total, first + Math.ceil(node.clientHeight / ROW) + 16)];
  };

  const paint = () => {
    const [first, last] = range();
    body.style.height = `${total * ROW}px`;
    const wide = `${width()}px`;
    for (const part of [head, body]) part.style.minWidth = wide;
    const rows = [];
    for (let i = first; i < last; i += 1) {
      const row = (pages.get(Math.floor(i / CHUNK)) || [])[i % CHUNK];
      const made = shoal.el("div", { class: "row", role: "row", style: `top:${i * ROW}px` }, row ? cells(row) : shoal.el("span", {}, "…"));
      made.style.gridTemplateColumns = grid();
      if (row && chosen(row)) made.classList.add("chosen");
      rows.push(made);
    }
    const focus = document.activeElement && body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    body.replaceChildren(...rows);
    if (pages.size) performance.mark("rows");
    if (focus) body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  };

  const shown = () => {
    const [first, last] = range();
    for (let page = Math.floor(first / CHUNK); page <= Math.floor(Math.max(last - 1, 0) / CHUNK); page += 1) fetchPage(page);
    paint();
  };

  const refresh = async ({ fresh = false } = {}) => {
    round += 1;
    asked = new Set();
    if (fresh) {
      pages = new Map();
      node.scrollTop = 0;
    }
    head.replaceChildren(...title());
    head.style.gridTemplateColumns = grid();
    const [first] = range();
    await fetchPage(Math.floor(first / CHUNK));
    const kept = new Set([Math.floor(range()[0] / CHUNK), Math.floor(Math.max(range()[1] - 1, 0) / CHUNK)]);
    for (const page of pages.keys()) if (!kept.has(page)) pages.delete(page);
    shown();
  };

  shoal.onResize(node, () => shown());
  return { node, refresh, paint, rows: () => [...pages.entries()].sort((a, b) => a[0] - b[0]).flatMap(([, rows]) => rows) };
};
