"use strict";
// Zoom and search for flame graphs. Each frame is a group with a title, a rectangle and a text; where it is and how wide
// is in its rectangle, in units of the whole: fg:x and fg:w.
for (const figure of document.querySelectorAll("figure.flame")) {
  const svg = figure.querySelector("svg.frames");
  const tools = figure.querySelector(".tools");
  const search = tools.querySelector("input");
  const reset = tools.querySelector("button");
  const said = tools.querySelector("output");
  const frames = [];
  for (const group of svg.querySelectorAll("g")) {
    const rect = group.querySelector("rect");
    const text = group.querySelector("text");
    const title = group.querySelector("title");
    if (!rect || !text || !title) continue;
    const about = title.textContent;
    frames.push({
      group, rect, text,
      x: Number(rect.getAttribute("fg:x")), w: Number(rect.getAttribute("fg:w")), y: Number(rect.getAttribute("y")),
      name: about.slice(0, Math.max(0, about.lastIndexOf(" ("))),
    });
  }
  const total = Math.max(...frames.map((frame) => frame.x + frame.w), 1);
  let from = 0, width = total, zoomed = null;

  // Monospaced, so that one character's width is known. The line goes first, then the beginning of the path.
  const fit = (frame, pixels) => {
    const characters = Math.floor((pixels - 6) / 7.2);
    const ways = [frame.name, frame.name.replace(/ \([^()]*:\d+\)$/, "")];
    const name = Array.from(ways.find((way) => way.length <= characters) ?? ways[1]);
    frame.text.textContent = characters < 3 ? "" : name.length <= characters ? name.join("")
      : ".." + name.slice(name.length - characters + 2).join("");
  };
  const draw = () => {
    const whole = svg.clientWidth || 900;
    for (const frame of frames) {
      const inside = frame.x < from + width && frame.x + frame.w > from;
      frame.group.style.display = inside ? "" : "none";
      if (!inside) continue;
      const left = Math.max(frame.x, from), right = Math.min(frame.x + frame.w, from + width);
      const x = 100 * (left - from) / width, w = 100 * (right - left) / width;
      frame.rect.setAttribute("x", x + "%");
      frame.rect.setAttribute("width", w + "%");
      frame.group.classList.toggle("above", zoomed !== null && frame.y < zoomed.y);
      frame.text.setAttribute("x", x + 300 / whole + "%");
      fit(frame, w * whole / 100);
    }
    reset.disabled = zoomed === null;
  };
  const zoom = (frame) => {
    zoomed = frame;
    from = frame ? frame.x : 0;
    width = frame ? Math.max(frame.w, 1) : total;
    draw();
  };
  const find = () => {
    const wanted = search.value.trim().toLowerCase();
    const hits = [];
    for (const frame of frames) {
      const hit = wanted !== "" && frame.name.toLowerCase().includes(wanted);
      frame.group.classList.toggle("hit", hit);
      if (hit) hits.push(frame);
    }
    // What is inside of another hit is counted once.
    hits.sort((a, b) => a.x - b.x || b.w - a.w);
    let covered = 0, end = 0;
    for (const hit of hits) {
      covered += Math.max(0, hit.x + hit.w - Math.max(end, hit.x));
      end = Math.max(end, hit.x + hit.w);
    }
    said.textContent = wanted === "" ? "" : `${(100 * covered / total).toFixed(1)} % in ${hits.length} frames`;
  };
  svg.addEventListener("click", (event) => {
    const group = event.target.closest("g");
    const frame = frames.find((frame) => frame.group === group);
    if (frame) zoom(frame.y === 0 ? null : frame);
  });
  reset.addEventListener("click", () => zoom(null));
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { search.value = ""; find(); zoom(null); }
  });
  window.addEventListener("resize", draw);
  tools.hidden = false;
  draw();
}
