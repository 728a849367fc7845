// Ranges of heatmaps: chosen by dragging, by two taps, by keyboard or by the address; the flame graph of the same view is
// then of that range alone. What is needed for that is in the page, as JSON: a tree of names and, for each cell, what each
// of its nodes had.

class Heatmap {
  constructor(figure) {
    const find = (selector) => figure.querySelector(selector);
    this.view = figure.dataset.view;
    this.flame = flames.get(this.view);
    this.data = JSON.parse(find("script[type='application/json']").textContent);
    this.svg = find("svg.cells");
    this.reset = find("button");
    this.said = find("output");
    this.unpack();
    this.chosen = make("path", { class: "chosen", d: "" }, this.svg);
    this.cursor = make("rect", { class: "cursor", x: 0, y: this.data.rows - 1, width: 1, height: 1 }, this.svg);
    [this.at, this.begin, this.open] = [0, null, null];
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "application");
    this.svg.setAttribute("aria-roledescription", "heatmap");
    this.listen();
    for (const cell of figure.querySelectorAll("[data-from]")) this.link(cell);
    find(".tools").hidden = find(".hint").hidden = false;
  }

  unpack() {
    const { at, node, amount, cells, begun, unknown } = this.data;
    this.cells = Array.from({ length: cells }, () => []);
    const stepped = (steps) => {
      let sum = 0;
      return steps.map((step) => (sum += step));
    };
    this.begun = stepped(begun);
    this.unknown = stepped(unknown);
    stepped(at).forEach((cell, i) => this.cells[cell].push([node[i], amount[i]]));
    this.sums = this.cells.map((entries) => entries.reduce((sum, entry) => sum + entry[1], 0));
    this.whole = this.sums.reduce((sum, cell) => sum + cell, 0);
  }

  // A row of a table leads to the flame graph of its time.
  link(cell) {
    const link = document.createElement("a");
    const { from, to } = cell.dataset;
    link.href = `#${new URLSearchParams([["range." + this.view, `${from}-${to}`]])}`;
    link.append(...cell.childNodes);
    cell.append(link);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const nanos = this.data.cell / 1000;
      this.choose(Number(from) / nanos, Number(to) / nanos - 1);
    });
  }

  time(from, to) {
    const { unit, nanos, digits } = this.data.clock;
    const number = (cell) => (cell * this.data.cell / nanos).toFixed(digits);
    return `${number(from)} to ${number(to + 1)} ${unit}`;
  }

  amount(from, to) {
    let sum = 0;
    for (let cell = from; cell <= to; cell += 1) sum += this.sums[cell];
    return sum;
  }

  // `12.5 to 13.0 ms: 1,234 bytes, 3.40% of all, in 300.txt`
  describe(from, to) {
    const sum = this.amount(from, to);
    const amount = `${grouped(sum / this.data.per)} ${this.data.unit}, ${share(sum, this.whole)} of all`;
    const isCut = this.unknown.some((cell) => cell >= from && cell <= to);
    return `${this.time(from, to)}: ${amount}${this.within(from, to)}${isCut ? "; not all of this time was recorded" : ""}`;
  }

  // Which calls ran then, where there are several and it is known.
  within(from, to) {
    if (this.begun.length < 2) return "";
    const start = from * this.data.cell, end = (to + 1) * this.data.cell;
    const ran = this.begun.flatMap((begun, i) =>
      begun < end && (this.begun[i + 1] ?? Infinity) > start ? [this.data.given[i]] : []);
    return ran.length === 1 ? `, in ${ran[0]}` : ran.length === 0 ? "" : `, in ${grouped(ran.length)} calls`;
  }

  // The frames of a range, the outermost first; what is called from one place in the order of names. Narrower ones than a
  // thousandth are left out, as in the page.
  rows(from, to) {
    const { names, name, parent } = this.data;
    const weights = new Float64Array(name.length);
    for (let cell = from; cell <= to; cell += 1) {
      for (const [node, amount] of this.cells[cell]) weights[node] += amount;
    }
    // A node comes after the one that called it.
    const children = new Map([[null, []]]);
    for (let node = name.length - 1; node >= 0; node -= 1) {
      if (weights[node] === 0) continue;
      const above = parent[node];
      if (above !== null) weights[above] += weights[node];
      if (!children.has(above)) children.set(above, []);
      children.get(above).push(node);
    }
    const per = this.data.per;
    const whole = this.amount(from, to);
    const rows = [{ name: "all", x: 0, w: whole / per, depth: 0 }];
    const place = (above, x, depth) => {
      const below = (children.get(above) ?? []).sort((a, b) => (names[name[a]] < names[name[b]] ? -1 : 1));
      for (const node of below) {
        if (weights[node] >= whole / 1000) {
          rows.push({ name: names[name[node]], x: x / per, w: weights[node] / per, depth });
          place(node, x, depth + 1);
        }
        x += weights[node];
      }
    };
    place(null, 0, 1);
    return rows;
  }

  // Around the cells from the first up its column, through whole columns, to the last from below.
  outline(from, to) {
    const { rows } = this.data;
    const [first, last] = [Math.floor(from / rows), Math.floor(to / rows)];
    const [low, high] = [rows - from % rows, rows - 1 - to % rows];
    this.chosen.setAttribute("d", first === last ? `M${first} ${high}h1V${low}h-1z`
      : `M${first} 0H${last}V${high}h1V${rows}H${first + 1}V${low}H${first}z`);
  }

  // A range is opened by whoever reads the page.
  choose(from, to) {
    const micros = (cell) => Math.round(cell * this.data.cell / 1000);
    remember("range." + this.view, `${micros(from)}-${micros(to + 1)}`, false);
    // What was zoomed in another range may not be in this one.
    remember("zoom." + this.view, "", true);
    this.begin = null;
    this.show(from, to);
  }

  clear() {
    remember("range." + this.view, "", false);
    remember("zoom." + this.view, "", true);
    this.show(null);
    this.said.textContent = "All of it is shown.";
  }

  show(from, to) {
    this.begin = null;
    this.open = from === null ? null : [from, to];
    this.reset.disabled = from === null;
    if (from === null) {
      this.chosen.setAttribute("d", "");
      this.said.textContent = "";
      this.flame?.show(null);
      return;
    }
    this.outline(from, to);
    const about = this.describe(from, to);
    this.said.textContent = `Flame graph of ${about}`;
    this.flame?.show(this.rows(from, to), about);
  }

  // What the address says; what it cannot mean is as if it said nothing.
  follow() {
    const found = /^(\d+)-(\d+)$/.exec(state().get("range." + this.view) ?? "");
    const last = this.cells.length - 1;
    const from = found ? Math.round(Number(found[1]) * 1000 / this.data.cell) : 0;
    const to = found ? Math.min(Math.round(Number(found[2]) * 1000 / this.data.cell) - 1, last) : -1;
    if (from > to) {
      if (this.open) this.show(null);
    } else if (this.open?.[0] !== from || this.open?.[1] !== to) {
      this.at = to;
      this.show(from, to);
    }
  }

  cell(event) {
    const box = this.svg.getBoundingClientRect();
    const { rows } = this.data;
    const within = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
    const columns = Math.ceil(this.cells.length / rows);
    const column = within((event.clientX - box.left) / box.width * columns, columns);
    const row = rows - 1 - within((event.clientY - box.top) / box.height * rows, rows);
    return Math.min(column * rows + row, this.cells.length - 1);
  }

  move(cell, stretches) {
    const last = this.cells.length - 1;
    if (stretches) this.begin ??= this.at; else this.begin = null;
    this.at = Math.min(Math.max(cell, 0), last);
    this.cursor.setAttribute("x", Math.floor(this.at / this.data.rows));
    this.cursor.setAttribute("y", this.data.rows - 1 - this.at % this.data.rows);
    const [from, to] = this.between();
    if (this.begin !== null) this.outline(from, to);
    this.said.textContent = this.describe(from, to);
  }

  between() {
    const begin = this.begin ?? this.at;
    return [Math.min(begin, this.at), Math.max(begin, this.at)];
  }

  listen() {
    let pressed = null, tapped = false;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      pressed = this.cell(event);
      if (!tapped) [this.at, this.begin] = [pressed, null];
      if (event.pointerType !== "touch") this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (pressed !== null) this.move(this.cell(event), true);
    });
    this.svg.addEventListener("pointercancel", () => { pressed = null; });
    this.svg.addEventListener("pointerup", (event) => {
      if (pressed === null) return;
      const cell = this.cell(event);
      const isTap = cell === pressed;
      pressed = null;
      if (isTap && !tapped) {
        tapped = true;
        this.move(cell, false);
        this.begin = cell;
        this.outline(cell, cell);
        this.said.textContent += "; now the last cell";
        return;
      }
      tapped = false;
      this.move(cell, true);
      this.choose(...this.between());
    });
    const steps = { ArrowUp: 1, ArrowDown: -1, ArrowRight: this.data.rows, ArrowLeft: -this.data.rows };
    this.svg.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const step = steps[event.key];
      if (step) this.move(this.at + step, event.shiftKey);
      else if (event.key === "Home") this.move(0, event.shiftKey);
      else if (event.key === "End") this.move(this.cells.length - 1, event.shiftKey);
      else if (event.key === "Enter" || event.key === " ") this.choose(...this.between());
      else if (event.key === "Escape") this.clear();
      else return;
      tapped = false;
      event.preventDefault();
    });
    this.reset.addEventListener("click", () => this.clear());
  }
}

for (const figure of document.querySelectorAll("figure.heatmap")) {
  const heatmap = new Heatmap(figure);
  // Before the flame graphs: a zoom is one of a range.
  followers.unshift(() => heatmap.follow());
}
for (const follow of followers) follow();
