// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the shoal authors
// Which page is shown, and news from the server.
"use strict";

{
  const live = document.getElementById("live");
  let current = null; // {key, news(), again()} of the page that is shown
  let late = null;

  // Only another page is built anew; a link that changes the view of this one draws it again.
  const show = () => {
    const { page, id } = shoal.address();
    const name = shoal.pages[page] ? page : shoal.home();
    const key = `${name}/${id}`;
    document.querySelectorAll("nav a").forEach((link) => link.classList.toggle("here", link.dataset.page === { run: "runs", sweep: "sweeps" }[name] || link.dataset.page === name));
    document.title = `${id || name} · shoal`;
    if (current && current.key === key && current.again) { // the same page under another view
      current.again();
      return;
    }
    const place = shoal.el("main", { id: "page" });
    document.getElementById("page").replaceWith(place);
    scrollTo(0, 0);
    current = { key, ...shoal.pages[name](place, id) };
  };

  shoal.home = () => (shoal.report ? shoal.report.home.page : "runs");

  const listen = () => {
    const source = new EventSource("api/events");
    const say = (state, text) => { live.className = state; live.textContent = text; };
    source.onopen = () => say("on", "live");
    source.onerror = () => say("off", "no connection");
    let first = true;
    source.onmessage = ({ data }) => {
      const old = Number(data) > shoal.oldest;
      if (first && !old) { first = false; return; } // all that is shown is as new as that
      first = false;
      clearTimeout(late);
      late = setTimeout(() => { if (!document.hidden) current.news(); else current.stale = true; }, 100);
    };
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && current.stale) { current.stale = false; current.news(); }
    });
  };

  addEventListener("hashchange", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { current = null; show(); });
  if (shoal.report) {
    const { page, id } = shoal.report.home;
    if (!location.hash) history.replaceState(null, "", shoal.link(page, id));
    document.querySelectorAll("nav a").forEach((link) => { link.hidden = link.dataset.page !== { run: "runs", sweep: "sweeps" }[page] && link.dataset.page !== page; });
    live.className = "";
    live.textContent = shoal.report.made;
  } else {
    listen();
  }
  show();
}
