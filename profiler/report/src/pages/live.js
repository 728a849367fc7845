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

  // What has the focus keeps it, what is open stays open, what is scrolled stays where it is.
  const FOCUSED = "a[href], button, input, summary, [tabindex]";
  const SCROLLED = ".wide, .plotted";
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
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const place = focused ? [...old.querySelectorAll(FOCUSED)].indexOf(focused) : -1;
    const open = [...old.querySelectorAll("details")].map((details) => details.open);
    const left = [...old.querySelectorAll(SCROLLED)].map((box) => box.scrollLeft);
    element.querySelectorAll("details").forEach((details, i) => (details.open = details.open || open[i] === true));
    old.replaceWith(element);
    element.querySelectorAll(SCROLLED).forEach((box, i) => (box.scrollLeft = left[i] ?? 0));
    if (focused) again(element, focused, place)?.focus({ preventScroll: true });
    if (element.localName === "tr") element.classList.add("changed");
  };
  // The same link, else what is in the same place.
  const again = (element, focused, place) => {
    const href = focused.getAttribute("href");
    const all = [...element.querySelectorAll(FOCUSED)];
    return all.find((one) => href !== null && one.getAttribute("href") === href) ?? all[place] ?? all.at(-1);
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

  // What somebody holds is not taken away from under them: text that is selected, what is pressed and not let go.
  let held = null;
  let isPressed = false;
  const isSelecting = () => document.getSelection()?.type === "Range";
  // Where nothing was found the page is loaded anew for what comes: not while something else is being typed.
  const isTyping = () => !document.getElementById("rows")
    && [...document.querySelectorAll(".search [type=search]")].some((box) => box.value !== box.defaultValue);
  const apply = (update) => {
    const parts = { ...held?.parts, ...update.parts };
    const order = update.order ?? held?.order;
    if (isPressed || isSelecting() || (order && isTyping())) {
      held = { parts, order };
      if (isSelecting()) say("paused", "paused: text is selected");
      return;
    }
    held = null;
    say("live", "live");
    Object.entries(parts).forEach(([id, html]) => put(id, html));
    if (order) reorder(order);
  };
  const catchUp = () => held && apply({ parts: {} });
  document.addEventListener("selectionchange", catchUp);
  document.addEventListener("input", catchUp);
  document.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) {
    // A click follows what is let go.
    document.addEventListener(end, () => setTimeout(() => ((isPressed = false), catchUp()), 100));
  }

  // Milliseconds until it is asked again who has refused.
  const AGAIN = 3000;

  // Browsers open six connections to a server, and a page that nobody sees needs none.
  let events = null;
  const listen = () => {
    if (events || document.hidden) return;
    events = new EventSource(path);
    events.addEventListener("open", () => say("live", "live"));
    events.addEventListener("update", (event) => apply(JSON.parse(event.data)));
    events.addEventListener("end", (event) => {
      if (event.data !== "gone") return say("lost", "the server is stopping");
      stop();
      sign.dataset.gone = "";
      say("lost", "the function is not deployed any more");
    });
    events.addEventListener("error", () => {
      const isRefused = events?.readyState === EventSource.CLOSED;
      say("lost", isRefused ? "not live: too many pages are open, or what this one shows has gone" : "not live: trying again");
      if (!isRefused) return;
      // A browser does not ask again by itself then.
      stop();
      setTimeout(listen, AGAIN);
    });
  };
  const stop = () => {
    events?.close();
    events = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : "gone" in sign.dataset || listen()));
  // Leaving ends the stream at once, so that coming back by the back button begins anew.
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  listen();
})();
