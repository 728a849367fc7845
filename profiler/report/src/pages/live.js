// Keeps a page as it is now: listens to the server's events and puts the parts they bring in place of the old ones.
// Deliberately nothing else: pages are made by the server, and can be read without this.
"use strict";
(() => {
  const sign = document.getElementById("live");
  const path = document.body.dataset.events;
  if (!path || !sign) return;

  const say = (state, text) => {
    sign.dataset.state = state;
    if (sign.textContent !== text) sign.textContent = text;
  };

  // All HTML comes from our own server, which has escaped it; nothing else may become HTML here.
  const policy = window.trustedTypes
    ? window.trustedTypes.createPolicy("fathom", { createHTML: (html) => html })
    : { createHTML: (html) => html };
  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = policy.createHTML(html);
    return template.content.firstElementChild;
  };

  // Rows have their own ids; what has the focus keeps it, what is open stays open.
  const put = (id, html) => {
    const element = made(html);
    if (!element) return;
    const old = document.getElementById(id);
    if (!old) {
      if (element.localName === "tr") document.getElementById("rows")?.append(element);
      return;
    }
    // The first update has everything; what is there already stays.
    if (old.classList.contains("changed")) old.removeAttribute("class");
    if (old.isEqualNode(element)) return;
    const held = old.contains(document.activeElement) ? same(document.activeElement) : null;
    const open = [...old.querySelectorAll("details")].map((details) => details.open);
    const left = [...old.querySelectorAll(".wide")].map((box) => box.scrollLeft);
    element.querySelectorAll("details").forEach((details, i) => (details.open = details.open || open[i] === true));
    old.replaceWith(element);
    element.querySelectorAll(".wide").forEach((box, i) => (box.scrollLeft = left[i] ?? 0));
    if (held) element.querySelector(held)?.focus({ preventScroll: true });
    if (element.localName === "tr") element.classList.add("changed");
  };
  const same = (focused) => {
    const href = focused.getAttribute("href");
    if (href) return `a[href="${CSS.escape(href)}"]`;
    return focused.localName;
  };

  const reorder = (ids) => {
    const rows = document.getElementById("rows");
    // Functions have come where there were none: the page has another shape.
    if (!rows) return location.reload();
    const wanted = new Set(ids);
    [...rows.children].forEach((row) => wanted.has(row.id) || row.remove());
    ids.forEach((id, i) => {
      const row = document.getElementById(id);
      if (row && rows.children[i] !== row) rows.insertBefore(row, rows.children[i] ?? null);
    });
  };

  // While somebody selects text, or drags, what they hold is not taken away.
  let held = null;
  const isBusy = () => (!document.getSelection()?.isCollapsed && document.getSelection()?.toString()) || document.querySelector("[data-busy]");
  const apply = (update) => {
    if (isBusy()) {
      held = { parts: { ...held?.parts, ...update.parts }, order: update.order ?? held?.order };
      return;
    }
    const all = held ? { parts: { ...held.parts, ...update.parts }, order: update.order ?? held.order } : update;
    held = null;
    Object.entries(all.parts).forEach(([id, html]) => put(id, html));
    if (all.order) reorder(all.order);
  };
  document.addEventListener("selectionchange", () => held && !isBusy() && apply({ parts: {} }));

  const events = new EventSource(path);
  events.addEventListener("open", () => say("live", "live"));
  events.addEventListener("update", (event) => {
    say("live", "live");
    apply(JSON.parse(event.data));
  });
  events.addEventListener("end", () => {
    events.close();
    say("lost", "the server has stopped");
  });
  events.addEventListener("error", () => say("lost", events.readyState === EventSource.CLOSED ? "not live: reload" : "not live: trying again"));
  // Leaving ends the stream at once, so that coming back by the back button begins anew.
  window.addEventListener("pagehide", () => events.close());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
