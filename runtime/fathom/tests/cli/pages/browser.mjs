// What the scripts beside this share: Debian's Chromium, driven by puppeteer-core; axe-core on each page; a list of everything
// that a page must not do. Not a test by itself.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const modules = createRequire(`${process.env.VIEWERS}/`);
const puppeteer = modules("puppeteer-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

export { assert };

/** The server's address, as it was given. */
export const base = `http://${process.argv[2]}`;
/** A folder for screenshots, where somebody wants to look. */
const pictures = process.env.FATHOM_PICTURES;

/** What is asked may not be there yet, or the page loads itself anew; anything else is a fault. */
function isNotYet(error) {
  if (/context was destroyed|detached|failed to find element/.test(error.message)) return false;
  throw error;
}

/** Waits until something is so, which `isSo` promises to tell. */
export async function until(what, isSo, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (await isSo().catch(isNotYet)) return;
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** An answer of the API. */
export async function api(path, options = {}) {
  const answer = await fetch(base + path, options);
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

/** Runs a script with a browser, and ends both, whatever happens. */
export async function withBrowser(run) {
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}

/** A page that complains of everything it must not do. */
export async function open(browser, path, { width = 1200, scheme = "light", expected = [] } = {}) {
  const page = await browser.newPage();
  page.faults = [];
  const fault = (what) => expected.some((known) => what.includes(known)) || page.faults.push(what);
  page.on("pageerror", (error) => fault(`error: ${error.message}`));
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && fault(`console: ${message.text()}`));
  page.on("dialog", (dialog) => { fault(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => request.url().startsWith(`${base}/`) || request.url().startsWith("data:") || fault(`request: ${request.url()}`));
  page.on("requestfailed", (request) => request.failure().errorText === "net::ERR_ABORTED" || fault(`failed: ${request.url()}`));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.goto(base + path);
  return page;
}

/** Nothing that it must not do was done; axe has nothing to say; it does not scroll sideways; a picture, where one is wanted. */
export async function check(page, name) {
  assert.deepEqual(page.faults, [], name);
  // By the protocol of the browser's tools, not as a script of the page: its policy would not let it.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const said = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html).join(" | ")}`);
  assert.deepEqual(said, [], `axe on ${name}`);
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide[0] <= wide[1], `${name} is ${wide[0]} wide in a window of ${wide[1]}`);
  if (pictures) await page.screenshot({ path: `${pictures}/${name.replace(/\W+/g, "-")}.png`, fullPage: true });
}
