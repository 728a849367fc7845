// What a person does: looks at an empty server, deploys, calls, watches the pages change, applies what is recommended, takes it
// back, and looks into one call. Numbers on pages are those of the API.
import { api, assert, base, check, open, until, withBrowser } from "./browser.mjs";
import { execFileSync } from "node:child_process";

const name = "exact-allocations";
const [, , , fathom, guest] = process.argv;
const bytes = (page, selector) => page.$eval(selector, (element) => Number(element.value));
const call = async (lines) => {
  const answer = await fetch(`${base}/function/${name}`, { method: "POST", body: "x\n".repeat(lines) });
  assert.equal(answer.status, 200);
  await answer.text();
  return answer.headers.get("x-call-id");
};
const described = () => api(`/api/v1/functions/${name}`);

await withBrowser(async (browser) => {
  const fleet = await open(browser, "/");
  assert.match(await fleet.$eval("main", (main) => main.innerText), /Nothing is deployed yet/);
  await check(fleet, "empty");

  // Deployed by somebody else, it appears.
  execFileSync(fathom, ["deploy", guest, "--name", name, "--memory", "64MiB", "--server", base], { stdio: "pipe" });
  await until("a row", () => fleet.$(`#function-${name}`));
  const row = (column) => fleet.$eval(`#function-${name} :nth-child(${column})`, (cell) => cell.innerText.trim());
  assert.equal(await row(3), "0");
  assert.match(await row(7), /not enough calls/);

  // A page of which nothing is known yet.
  const one = await open(browser, `/functions/${name}`);
  assert.match(await one.$eval("#answer", (answer) => answer.innerText), /no call is recorded/);
  assert.equal(await one.$(".apply form"), null);
  await check(one, "no-calls");

  // A page follows the server while it is seen: of two, the one in front.
  await fleet.bringToFront();
  for (let i = 1; i <= 60; i += 1) await call(i * 40);
  await until("60 calls", async () => (await row(3)) === "60");
  const drawn = () => one.$eval("#relation svg", (svg) => svg.querySelectorAll("circle").length);
  await one.bringToFront();
  await until("the answer", () => one.$(".apply form"));
  await until("the chart", async () => (await drawn()) >= 50);

  // What it says is what the API says.
  let now = await described();
  const same = async () => (now = await described()).recommended_bytes === (await bytes(one, ".apply form data:last-of-type"));
  await until("what the API recommends", same);
  const most = await bytes(one, "#now div:nth-child(4) dd > data");
  assert.equal(most, now.needed_bytes.max);
  assert.equal(await bytes(one, "#now div:nth-child(5) dd > data"), 64 << 20);
  assert.equal(await one.$eval("#now div:nth-child(2) dd", (dd) => dd.innerText), String(now.calls));
  await fleet.bringToFront();
  await until("the same in the overview", async () => (await bytes(fleet, `#function-${name} td:nth-child(7) data`)) === now.recommended_bytes);
  const title = await one.$eval("#now div:nth-child(4) dd > data", (data) => data.title);
  assert.equal(title, `${most.toLocaleString("en-US")} bytes`);

  // The chart follows the calls, without a reload.
  await one.bringToFront();
  const before = await one.$eval("#relation svg", (svg) => svg.outerHTML);
  await one.evaluate(() => (globalThis.stayed = true));
  const id = await call(4000);
  await until("another chart", async () => (await one.$eval("#relation svg", (svg) => svg.outerHTML)) !== before);
  assert.equal(await one.evaluate(() => globalThis.stayed), true);
  await check(one, "function");

  // Applied, and taken back.
  await until("it stands still", same);
  const wanted = now.recommended_bytes;
  await Promise.all([one.waitForNavigation(), one.click(".apply button")]);
  assert.equal((await described()).memory_limit_bytes, wanted);
  assert.equal(await bytes(one, "#now div:nth-child(5) dd > data"), wanted);
  assert.match(await one.$eval(".applied", (said) => said.innerText), /and was 64 MiB/);
  await fleet.bringToFront();
  await until("the limit in the overview", async () => (await bytes(fleet, `#function-${name} td:nth-child(6) data`)) === wanted);
  await check(one, "applied");
  await one.bringToFront();
  await Promise.all([one.waitForNavigation(), one.click(".applied button")]);
  assert.equal((await described()).memory_limit_bytes, 64 << 20);

  // One call.
  await until("its record", async () => (await fetch(`${base}/api/v1/calls/${id}`)).ok);
  const record = await api(`/api/v1/calls/${id}`);
  const page = await open(browser, `/calls/${id}`);
  assert.equal(await bytes(page, ".answer data"), record.needed_bytes);
  assert.equal(await bytes(page, ".card dl div:first-child data"), record.served.granted_first);
  const growths = await page.$$eval("#growths tbody tr", (rows) => rows.map((row) => Number(row.querySelector("td:nth-child(3) data").value)));
  assert.deepEqual(growths, record.growths.map((growth) => growth.to));
  await check(page, "call");
  await page.close();

  // In the dark, and on a phone.
  for (const [path, kind] of [["/", "fleet"], [`/functions/${name}`, "function"], [`/calls/${id}`, "call"]]) {
    for (const [width, scheme] of [[1200, "dark"], [375, "light"], [375, "dark"]]) {
      const page = await open(browser, path, { width, scheme });
      await check(page, `${kind}-${width}-${scheme}`);
      await page.close();
    }
  }

  // By the keyboard: past the navigation, and to another order.
  const keys = await open(browser, "/?sort=name");
  await keys.keyboard.press("Tab");
  assert.equal(await keys.evaluate(() => document.activeElement.innerText), "Skip to the content");
  await keys.keyboard.press("Enter");
  assert.equal(await keys.evaluate(() => document.activeElement.id), "content");
  await keys.focus('a[href="/?sort=calls"]');
  await Promise.all([keys.waitForNavigation(), keys.keyboard.press("Enter")]);
  assert.equal(await keys.$eval("[aria-sort]", (th) => th.innerText.replace(/\W/g, "")), "Calls");

  // Who holds something keeps it when the row it is in is replaced.
  await keys.focus(`#function-${name} a`);
  await call(10);
  await until("the row", async () => (await keys.$eval(`#function-${name} td:nth-child(3)`, (td) => td.innerText)) === "62");
  assert.equal(await keys.evaluate(() => document.activeElement.innerText), name);

  // What is scrolled stays where it is when it is replaced, and what is pressed is not taken away.
  const phone = await open(browser, `/functions/${name}`, { width: 375 });
  const calls = () => phone.$eval("#now div:nth-child(2) dd", (dd) => Number(dd.innerText));
  await until("live", async () => (await phone.$eval("#live", (live) => live.dataset.state)) === "live");
  const scrolled = () => phone.$eval("#relation .plotted", (box) => box.scrollLeft);
  await phone.$eval("#relation .plotted", (box) => (box.scrollLeft = 150));
  const link = await phone.$("#one-call .neighbours a:last-of-type");
  await link.focus();
  await call(20);
  await until("63 calls", async () => (await calls()) === 63);
  assert.equal(await scrolled(), 150);
  assert.equal(await phone.evaluate(() => document.activeElement.closest("section")?.id), "one-call");
  const button = await phone.$(".apply button");
  await button.scrollIntoView();
  const box = await button.boundingBox();
  await phone.mouse.move(box.x + 5, box.y + 5);
  await phone.mouse.down();
  await call(30);
  await new Promise((done) => setTimeout(done, 2500));
  assert.equal(await calls(), 63, "it waits for what is pressed");
  await phone.mouse.move(2, 2);
  await phone.mouse.up();
  await until("64 calls", async () => (await calls()) === 64);
  await phone.close();

  // As many pages as somebody likes: those that nobody sees have no connection.
  const many = [];
  for (let i = 0; i < 8; i += 1) many.push(await open(browser, "/"));
  for (const page of many) await page.close();

  // Another function of the same name takes its place in a page that is open.
  await one.bringToFront();
  await api(`/api/v1/functions/${name}`, { method: "DELETE" });
  execFileSync(fathom, ["deploy", guest, "--name", name, "--memory", "32MiB", "--server", base], { stdio: "pipe" });
  await until("it is looked at", async () => (await one.$eval("#live", (live) => live.dataset.state)) !== "paused");
  const seen = async () => (await bytes(one, "#now div:nth-child(5) dd > data")) === 32 << 20;
  const isGone = async () => /not deployed any more/.test(await one.$eval("#live", (live) => live.innerText));
  await until("the other one, or that it had gone", async () => (await seen()) || (await isGone()));
  if (await isGone()) await one.reload();
  await until("the other one", seen);

  // A function that goes is gone from the overview, and its page says so. What a page asks for may have been changed meanwhile.
  const stale = await fetch(`${base}/functions/${name}/apply`, { method: "POST", body: new URLSearchParams({ memory: "131072" }), redirect: "manual" });
  assert.equal(stale.status, 409);
  assert.match(await stale.text(), /Nothing was changed/);
  await api(`/api/v1/functions/${name}`, { method: "DELETE" });
  await until("its page says so", isGone);
  await fleet.bringToFront();
  await until("it is gone", async () => (await fleet.$(`#function-${name}`)) === null);
});
