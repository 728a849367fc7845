// Names and words of functions are text, whatever they are: nothing of them is executed, and no page is broken by them.
import { assert, base, check, open, withBrowser } from "./browser.mjs";

await withBrowser(async (browser) => {
  const shown = async (page, name) => {
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined, name);
    const scripts = await page.$$eval('script:not([type="application/json"])', (all) => all.map((script) => script.getAttribute("src")));
    assert.deepEqual(scripts.filter((src) => !src?.startsWith("/assets/")), [], name);
    await check(page, name);
  };
  // The guest's own words: its functions, its variables, why it failed.
  const answer = await fetch(`${base}/function/hostile`, { method: "POST", body: "<script>globalThis.pwned = 1</script>" });
  const id = answer.headers.get("x-call-id");
  await answer.text();
  for (const path of ["/", "/functions/hostile", `/calls/${id}`]) {
    const page = await open(browser, path);
    await shown(page, path);
    await page.close();
  }
  // What is asked for.
  const script = encodeURIComponent("<script>globalThis.pwned = 1</script>");
  for (const path of [`/functions/${script}`, `/calls/${script}`, `/?sort=${script}`, `/?find=${script}`, `/functions/hostile?call=${script}`, `/functions/hostile?call=%22%3E${script}`]) {
    const page = await open(browser, path, { expected: ["404"] });
    await shown(page, path);
    await page.close();
  }
  // What is at no path, and what no path understands, is said on a page to people, and to programs as they read it.
  for (const [path, status, title] of [
    [`/${script}`, 404, "Nothing is here"],
    ["/?sort=waste&sort=name", 400, "This address is not understood"],
    ["/functions/hostile/apply", 405, "This cannot be looked at"],
  ]) {
    assert.equal((await fetch(base + path, { headers: { accept: "text/html" } })).status, status, path);
    const page = await open(browser, path, { expected: ["status of 40"] });
    assert.equal(await page.$eval("h1", (h1) => h1.textContent), title);
    await shown(page, path);
    await page.close();
  }
  const nothing = await fetch(`${base}/nothing`);
  assert.equal(nothing.status, 404);
  assert.match((await nothing.json()).error, /`\/nothing`/);
  // Somebody else's page cannot press the button, whatever it says it is.
  for (const origin of ["https://example.com", "null"]) {
    const pressed = await fetch(`${base}/functions/hostile/apply`, {
      method: "POST",
      headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      body: "memory=131072",
      redirect: "manual",
    });
    assert.equal(pressed.status, 403, origin);
  }
});
