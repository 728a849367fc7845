// Opens a report in Chromium as a reader does: chooses ranges with the mouse, by keyboard, by touch and by address, zooms,
// searches. Prints what was seen as JSON; `flames.rs` knows what it should be.
// Arguments: the address of the page, a folder for the browser.
"use strict";
const puppeteer = require("puppeteer-core");
const axe = require.resolve("axe-core/axe.min.js");
const { readFileSync } = require("fs");

(async () => {
  const [url, folder] = process.argv.slice(2);
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium", userDataDir: folder, args: ["--no-sandbox", "--disable-gpu"],
  });
  const wrong = [];
  const open = async (address, width = 1000) => {
    const page = await browser.newPage();
    page.on("console", (message) => wrong.push("console: " + message.text()));
    page.on("pageerror", (error) => wrong.push("error: " + error.message));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url()) && !request.url().startsWith(new URL(url).origin + "/")) wrong.push(request.url());
    });
    await page.evaluateOnNewDocument(() => {
      window.refused = [];
      document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.violatedDirective));
    });
    await page.setViewport({ width, height: 900, hasTouch: width < 500 });
    await page.goto(address);
    return page;
  };
  const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
  const root = (page, view) => text(page, `.flame[data-view=${view}] svg.frames g[aria-level='1'] title`);
  const fragment = (page) => page.evaluate(() => decodeURIComponent(location.hash));
  const box = async (page, view) => {
    const cells = await page.$(`.heatmap[data-view=${view}] svg.cells`);
    await cells.evaluate((element) => element.scrollIntoView({ block: "center" }));
    return cells.boundingBox();
  };
  const range = async (page, view) => ({
    fragment: await fragment(page),
    root: await root(page, view),
    said: await text(page, `.heatmap[data-view=${view}] output`),
  });
  const seen = {};

  const page = await open(url);
  seen.whole = { cpu: await root(page, "cpu"), allocated: await root(page, "allocated") };

  // By mouse, from right to left as well.
  const { x, y, width, height } = await box(page, "allocated");
  await page.mouse.move(x + width * 0.4, y + height * 0.5);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.01, y + height * 0.6, { steps: 4 });
  await page.mouse.up();
  seen.dragged = await range(page, "allocated");
  await page.goBack();
  seen.back = { fragment: await fragment(page), root: await root(page, "allocated") };

  // By keyboard.
  await page.$eval(".heatmap[data-view=cpu] svg.cells", (element) => element.focus());
  for (const key of ["Home", "ArrowUp", "ArrowUp"]) await page.keyboard.press(key);
  await page.keyboard.down("Shift");
  for (const key of ["End", "ArrowLeft", "ArrowDown"]) await page.keyboard.press(key);
  await page.keyboard.up("Shift");
  await page.keyboard.press("Enter");
  seen.typed = await range(page, "cpu");

  // Into the flame graph, to what the outermost function calls most, and no further than there is.
  await page.$eval(".flame[data-view=cpu] svg.frames g[tabindex='0']", (element) => element.focus());
  for (let i = 0; i < 5; i += 1) await page.keyboard.press("ArrowDown");
  const focused = () => page.evaluate(() => document.activeElement.querySelector("title").textContent);
  await page.keyboard.press("Enter");
  seen.zoomed = {
    frame: await focused(), fragment: await fragment(page),
    widths: await page.$$eval(".flame[data-view=cpu] g.above rect", (all) => all.map((rect) => rect.getAttribute("width"))),
  };
  const zoomed = page.url();
  await page.keyboard.press("ArrowUp");
  seen.above = await focused();
  await page.keyboard.press("Escape");
  seen.reset = { fragment: await fragment(page), above: (await page.$$(".flame[data-view=cpu] g.above")).length };

  await page.type(".flame[data-view=cpu] input", "READ_LINES");
  seen.found = {
    fragment: await fragment(page), said: await text(page, ".flame[data-view=cpu] output"),
    hits: await page.$$eval(".flame[data-view=cpu] g.hit", (all) => all.map((g) => g.querySelector("title").textContent)),
  };
  seen.refused = await page.evaluate(() => window.refused);
  await page.evaluate(readFileSync(axe, "utf8"));
  seen.axe = await page.evaluate(async () => {
    const { violations } = await window.axe.run({ include: [[".heatmap"], [".flame"]] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`);
  });

  // The address alone is enough.
  const linked = await open(zoomed);
  seen.linked = {
    root: await root(linked, "cpu"),
    above: (await linked.$$(".flame[data-view=cpu] g.above")).length,
  };

  // On a telephone: two taps, from a row of the table too.
  const phone = await open(url, 375);
  const small = await box(phone, "cpu");
  for (const at of [0.2, 0.7]) await phone.touchscreen.tap(small.x + small.width * at, small.y + small.height / 2);
  seen.tapped = await range(phone, "cpu");
  seen.wide = await phone.$$eval(".heatmap, .flame", (all) => all.filter((one) => one.scrollWidth > window.innerWidth).length);
  await phone.$eval(".heatmap[data-view=allocated] details", (details) => { details.open = true; });
  await phone.click(".heatmap[data-view=allocated] tbody a");
  seen.row = await range(phone, "allocated");
  await phone.$eval(".heatmap[data-view=allocated] button", (button) => button.click());
  seen.cleared = await range(phone, "allocated");

  seen.wrong = wrong;
  console.log(JSON.stringify(seen));
  await browser.close();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
