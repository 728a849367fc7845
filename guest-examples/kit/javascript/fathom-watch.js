// Shows a variable of a function to whoever runs it, in one line: watch("lines", lines.length);
//
// For components made by jco, whose world includes fathom:watch/watching. The values are summed up inside the component;
// the host fetches them by the exported interface `watched`: `export { watched } from "./fathom-watch.js";` where your
// exports are. Elsewhere, in an ordinary engine, nothing is different but that somebody keeps six numbers per name.

const seen = new Map();

/** Shows a whole number of up to 64 bits, or a boolean. */
export function watch(name, value) {
  const whole = BigInt(value);
  const known = seen.get(name);
  if (known === undefined) {
    seen.set(name, { name, count: 1n, first: whole, last: whole, min: whole, max: whole, sum: Number(whole) });
    return;
  }
  known.count += 1n;
  known.last = whole;
  if (whole < known.min) known.min = whole;
  if (whole > known.max) known.max = whole;
  known.sum += Number(whole);
}

/** The exported interface. */
export const watched = {
  take() {
    const taken = [...seen.values()];
    seen.clear();
    return taken;
  },
};
