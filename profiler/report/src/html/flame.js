// Zoom, search and keyboard for flame graphs. Each frame of the page is a group with a title, a rectangle and a text;
// where it is and how wide is in its rectangle, in units of the whole: fg:x and fg:w. `heatmap.js` gives other frames to
// draw. What is zoomed and searched is in the fragment of the page's address, so that it can be sent to somebody and the
// back button works.

// What the fragment says, as names and values; what other scripts keep there is left.
const state = () => new URLSearchParams(location.hash.slice(1));
const remember = (name, value, replaces) => {
  const next = state();
  if ((next.get(name) ?? "") === value) return;
  if (value === "") next.delete(name); else next.set(name, value);
  // A plain anchor is a name without a value.
  for (const [other, empty] of [...next]) if (empty === "") next.delete(other);
  const fragment = next.toString();
  const address = fragment === "" ? location.pathname + location.search : "#" + fragment;
  // Refused where the page has no address of its own; everything but the address works there.
  try { history[replaces ? "replaceState" : "pushState"](null, "", address); } catch { }
};
// Each is called when the address has changed, in their order.
const followers = [];
window.addEventListener("hashchange", () => {
  if (location.hash === "" || location.hash.includes("=")) for (const follow of followers) follow();
});

const make = (name, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  parent?.append(element);
  return element;
};
const grouped = (number) => Math.round(number).toLocaleString("en-US");
const share = (part, whole) => (whole > 0 ? 100 * part / whole : 0).toFixed(2) + "%";

class Flame {
  constructor(figure) {
    const find = (selector) => figure.querySelector(selector);
    this.figure = figure;
    this.view = figure.dataset.view;
    this.unit = figure.dataset.unit;
    this.svg = find("svg.frames");
    this.search = find("input");
    this.reset = find("button");
    this.said = find("output");
    this.range = find("p.range");
    this.pointed = find("p.pointed");
    this.drawn = { groups: [...this.svg.querySelectorAll("g")], height: this.svg.getAttribute("height") };
    this.fills = new Map();
    this.isOther = false;
    this.take(this.drawn.groups.map((group) => this.read(group)).filter(Boolean));
    for (const frame of this.frames) this.fills.set(frame.name, frame.rect.getAttribute("fill"));
    this.svg.setAttribute("role", "tree");
    this.listen();
    find(".tools").hidden = this.pointed.hidden = find(".hint").hidden = false;
  }

  read(group) {
    const [rect, text, title] = ["rect", "text", "title"].map((name) => group.querySelector(name));
    if (!rect || !text || !title) return null;
    const about = title.textContent;
    const name = about.slice(0, Math.max(0, about.lastIndexOf(" (")));
    const number = (attribute) => Number(rect.getAttribute(attribute));
    return { group, rect, text, about, name, x: number("fg:x"), w: number("fg:w"), y: number("y") };
  }

  // The frames to show from now on: who called whom is found from where they are.
  take(frames) {
    frames.sort((a, b) => a.y - b.y || a.x - b.x);
    const rows = [...new Set(frames.map((frame) => frame.y))];
    let above = [], row = [], y = null, i = 0;
    for (const frame of frames) {
      if (frame.y !== y) [above, row, y, i] = [row, [], frame.y, 0];
      row.push(frame);
      while (i < above.length && above[i].x + above[i].w <= frame.x) i += 1;
      frame.parent = above[i] ?? null;
      frame.children = [];
      frame.parent?.children.push(frame);
      frame.depth = rows.indexOf(y);
      frame.id = hash((frame.parent?.id ?? "") + ";" + frame.name);
      frame.group.setAttribute("role", "treeitem");
      frame.group.setAttribute("aria-level", frame.depth + 1);
      frame.group.setAttribute("tabindex", "-1");
      // What fits of the name is no name.
      frame.text.setAttribute("aria-hidden", "true");
    }
    // Read one after another they come in their order.
    this.svg.append(...frames.map((frame) => frame.group));
    this.frames = frames;
    this.byGroup = new Map(frames.map((frame) => [frame.group, frame]));
    this.total = frames.length === 0 ? 1 : Math.max(...frames.map((frame) => frame.x + frame.w), 1);
    this.zoomed = null;
    this.focus = frames[0] ?? null;
    this.focus?.group.setAttribute("tabindex", "0");
  }

  // Other frames than those of the page: `[{ name, x, w, depth }]`, the first of which is all of them. None: the page's.
  show(rows, about) {
    this.range.hidden = !rows;
    this.range.textContent = about ?? "";
    const wasOther = this.isOther;
    this.isOther = Boolean(rows);
    if (rows) {
      const whole = rows[0].w;
      const frames = rows.map(({ name, x, w, depth }) => {
        const said = `${name} (${grouped(w)} ${this.unit}, ${share(w, whole)})`;
        const group = make("g", {});
        make("title", {}, group).textContent = said;
        const y = 16 * depth;
        const rect = make("rect", { x: "0%", y, width: "0%", height: 15, fill: this.fill(name) }, group);
        const text = make("text", { x: "0%", y: y + 10.5 }, group);
        return { group, rect, text, about: said, name, x, w, y };
      });
      this.svg.replaceChildren(...frames.map((frame) => frame.group));
      this.svg.setAttribute("height", 16 * (1 + Math.max(...rows.map((row) => row.depth))) + 1);
      this.take(frames);
    } else if (wasOther) {
      this.svg.replaceChildren(...this.drawn.groups);
      this.svg.setAttribute("height", this.drawn.height);
      this.take(this.drawn.groups.map((group) => this.read(group)).filter(Boolean));
    }
    this.follow();
  }

  // The colour that a name has in the page's own picture; what is too narrow there has that of another, always the same.
  fill(name) {
    const fills = [...this.fills.values()];
    return this.fills.get(name) ?? fills[parseInt(hash(name), 16) % fills.length];
  }

  // What the address says.
  follow() {
    const wanted = state().get("zoom." + this.view);
    this.zoomed = this.frames.find((frame) => frame.id === wanted && frame.depth > 0) ?? null;
    this.search.value = state().get("find." + this.view) ?? "";
    this.draw();
    this.find();
  }

  // Monospaced, so that one character's width is known. The line goes first, then the beginning of the path.
  fit(frame, pixels) {
    const characters = Math.floor((pixels - 6) / 7.2);
    const ways = [frame.name, frame.name.replace(/ \([^()]*:\d+\)$/, "")];
    const name = Array.from(ways.find((way) => way.length <= characters) ?? ways[1]);
    frame.text.textContent = characters < 3 ? "" : name.length <= characters ? name.join("")
      : ".." + name.slice(name.length - characters + 2).join("");
  }

  draw() {
    const pixels = this.svg.clientWidth || 900;
    const from = this.zoomed?.x ?? 0, width = (this.zoomed?.w ?? this.total) || 1;
    // Amounts of a range are fractions, and so their sums are not exact: to a ten-thousandth of a percent it is the same.
    const percent = (amount) => Math.round(1e6 * amount / width) / 1e4;
    for (const frame of this.frames) {
      const left = Math.max(frame.x, from), right = Math.min(frame.x + frame.w, from + width);
      const x = percent(left - from), w = percent(right - left);
      const inside = this.zoomed === null || w > 0;
      frame.group.classList.toggle("away", !inside);
      frame.group.classList.toggle("above", inside && this.zoomed !== null && frame.y < this.zoomed.y);
      if (!inside) continue;
      frame.rect.setAttribute("x", x + "%");
      frame.rect.setAttribute("width", w + "%");
      frame.text.setAttribute("x", x + 300 / pixels + "%");
      this.fit(frame, w * pixels / 100);
    }
    this.reset.disabled = this.zoomed === null;
  }

  zoom(frame) {
    this.zoomed = frame && frame.depth > 0 ? frame : null;
    remember("zoom." + this.view, this.zoomed?.id ?? "", false);
    this.draw();
  }

  find() {
    const wanted = this.search.value.trim().toLowerCase();
    this.hits = [];
    for (const frame of this.frames) {
      const hit = wanted !== "" && frame.name.toLowerCase().includes(wanted);
      frame.group.classList.toggle("hit", hit);
      if (hit) this.hits.push(frame);
    }
    // What is inside of another hit is counted once.
    const hits = [...this.hits].sort((a, b) => a.x - b.x || b.w - a.w);
    let covered = 0, end = 0;
    for (const hit of hits) {
      covered += Math.max(0, hit.x + hit.w - Math.max(end, hit.x));
      end = Math.max(end, hit.x + hit.w);
    }
    const frames = hits.length === 1 ? "1 frame" : `${grouped(hits.length)} frames`;
    this.said.textContent = wanted === "" ? "" : `${(100 * covered / this.total).toFixed(1)} % in ${frames}`;
  }

  point(frame) {
    this.pointed.textContent = frame?.about ?? "";
  }

  go(frame) {
    if (!frame) return;
    this.focus?.group.setAttribute("tabindex", "-1");
    this.focus = frame;
    frame.group.setAttribute("tabindex", "0");
    frame.group.focus();
  }

  // Where an arrow leads from a frame: to what it called most, to who called it, to what else was called from there.
  next(key, frame) {
    const seen = (other) => !other.group.classList.contains("away");
    const beside = (frame.parent?.children ?? [frame]).filter(seen);
    switch (key) {
      case "ArrowDown": return frame.children.filter(seen).reduce((a, b) => (a && a.w >= b.w ? a : b), null);
      case "ArrowUp": return frame.parent;
      case "ArrowLeft": return beside[beside.indexOf(frame) - 1];
      case "ArrowRight": return beside[beside.indexOf(frame) + 1];
      case "Home": return this.frames[0];
      default: return undefined;
    }
  }

  listen() {
    const frame = (event) => this.byGroup.get(event.target.closest("g"));
    this.svg.addEventListener("click", (event) => {
      const clicked = frame(event);
      if (clicked) {
        this.zoom(clicked);
        this.go(clicked);
      }
    });
    this.svg.addEventListener("pointerover", (event) => this.point(frame(event)));
    this.svg.addEventListener("focusin", (event) => this.point(frame(event)));
    this.svg.addEventListener("keydown", (event) => {
      const at = frame(event);
      if (!at || event.ctrlKey || event.altKey || event.metaKey) return;
      const next = this.next(event.key, at);
      if (next !== undefined) this.go(next);
      else if (event.key === "Enter" || event.key === " ") this.zoom(at);
      else if (event.key === "Escape") this.zoom(null);
      else return;
      event.preventDefault();
    });
    this.reset.addEventListener("click", () => this.zoom(null));
    this.search.addEventListener("input", () => {
      remember("find." + this.view, this.search.value.trim(), true);
      this.find();
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.search.value = "";
        remember("find." + this.view, "", true);
        this.find();
        this.zoom(null);
      } else if (event.key === "Enter") {
        this.go(this.hits.find((hit) => !hit.group.classList.contains("away")));
      }
    });
    window.addEventListener("resize", () => this.draw());
  }
}

// FNV-1a, 32 bits: what a stack is called in the address, whatever its length.
function hash(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}

const flames = new Map();
for (const figure of document.querySelectorAll("figure.flame")) {
  const flame = new Flame(figure);
  flames.set(flame.view, flame);
  followers.push(() => flame.follow());
}
