import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { noBrowser, phone, startBrowser, type TestBrowser, type Visitor } from "../support/browser.ts";
import { fillAccount, hostile, people } from "../support/portal-account.ts";
import { type PortalSite, startPortalSite } from "../support/portal-site.ts";

let site: PortalSite;
let browser: TestBrowser;
let account: Awaited<ReturnType<typeof fillAccount>>;
let visitors: Visitor[] = [];

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await startPortalSite();
  account = await fillAccount(site.portal, Date.now());
  browser = await startBrowser(site);
});
afterAll(async () => {
  await browser?.stop();
  await site?.stop();
});
beforeEach(({ skip }) => {
  if (noBrowser !== undefined) skip(noBrowser);
  visitors = [];
});
afterEach(async () => {
  for (const { context, complaints } of visitors) {
    await context.close();
    expect(complaints).toEqual([]);
  }
});

async function visit(email: string | undefined, options = {}): Promise<Visitor> {
  const visitor = await browser.visit(email, options);
  visitors.push(visitor);
  return visitor;
}

test("a rollout is approved, watched as it moves, halted and undone by clicking", async () => {
  const { page } = await visit(people.operator);
  await page.goto(`${browser.url}/rollouts`);
  await page.getByRole("link", { name: "echod answers past" }).click();
  await page.getByText("Asks first").first().waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Running").first().waitFor();
  await page.getByText("Approved by bo@northwind.example").waitFor();

  const note = page.getByLabel("Note for the review");
  await note.fill("The second one crashed twice");
  const applied = page.locator("#bar-applied");
  const width = await applied.getAttribute("width");
  let loads = 0;
  page.on("load", () => loads++);
  await account.record(account.patches.running, account.machines.slice(8, 12), ["applied"]);
  await expect.poll(() => applied.getAttribute("width"), { timeout: 20_000 }).not.toBe(width);
  expect(loads).toBe(0);
  // What somebody is writing stays as the page moves under it
  expect(await note.inputValue()).toBe("The second one crashed twice");

  await page.getByRole("button", { name: "Halt and undo" }).click();
  await page.getByText("Undoing").first().waitFor();
  await page.getByText("The second one crashed twice").waitFor();
  const found = await site.portal.stores.rollouts.get(account.customer, account.patches.running);
  expect(found).toMatchObject({ state: "halted", undo: true });
});

test("a halted rollout is resumed with the keyboard alone, without JavaScript", async () => {
  const { page } = await visit(people.owner, { javaScriptEnabled: false });
  await page.goto(`${browser.url}/rollouts/${account.patches.halted}`);
  await page.getByLabel("Note for the review").focus();
  await page.keyboard.type("The two had a full disk");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("The two had a full disk").waitFor();
  const found = await site.portal.stores.rollouts.get(account.customer, account.patches.halted);
  expect(found).toMatchObject({ state: "running" });
});

test("an install command is made for a group and copied", async () => {
  const { page, context } = await visit(people.operator);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${browser.url}/policies`);
  await page.getByRole("row", { name: /^web/ }).getByRole("link", { name: "Make an install command" }).click();
  await page.getByLabel("How many machines").fill("5");
  await page.getByRole("button", { name: "Make the command" }).click();
  await page.getByText("each of the 5 machines of group web").waitFor();
  await page.getByRole("button", { name: "Copy" }).first().click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const copied = await page.evaluate("navigator.clipboard.readText()");
  expect(copied).toMatch(
    /^printf %s 'suture-enrol\.\S+' \| suture-agent enroll --server http:\/\/127\.0\.0\.1:\d+ --token -/,
  );
});

test("a person is invited, and comes in with the invitation", async () => {
  const { page } = await visit(people.owner);
  await page.goto(`${browser.url}/people`);
  await page.getByLabel("E-mail address").fill("eve@northwind.example");
  await page.getByLabel("Role", { exact: true }).selectOption("operator");
  await page.getByRole("button", { name: "Make the invitation" }).click();
  const invitation = (await page.getByText(/^suture-invite\./).textContent()) ?? "";

  const other = await visit(undefined);
  await other.page.goto(`${browser.url}/join`);
  await other.page.getByLabel("Invitation").fill(invitation);
  await other.page.getByRole("button", { name: "Accept and sign in" }).click();
  await other.page.getByRole("link", { name: "Rollouts" }).click();
  await other.page.getByText("eve@northwind.example · operator").waitFor();
});

test("a policy is previewed before it is saved", async () => {
  const { page } = await visit(people.owner);
  await page.goto(`${browser.url}/policies/new`);
  await page.getByLabel("Name", { exact: true }).fill("nights");
  await page.getByLabel("Group", { exact: true }).fill("web");
  await page.getByLabel("Order").fill("20");
  await page.getByLabel("Patches", { exact: true }).selectOption("report");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("10 of 24 machines looked at").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page
    .getByRole("row", { name: /^nights/ })
    .getByText("only reports")
    .waitFor();
});

test("a vendor answers the customers who halted a patch", async () => {
  for (const customer of ["one", "two", "three"])
    await site.portal.stores.patchHolds.addHalt(account.patches.halted, customer);
  const { page } = await visit(people.publisher);
  await page.goto(browser.url);
  await page
    .getByRole("row", { name: /^tlsd accepts/ })
    .getByText("Held for everyone")
    .waitFor();
  await page.getByRole("link", { name: "tlsd accepts" }).click();
  await page.getByLabel("Your answer").fill("A fault of one build, mended in version 3");
  await page.getByRole("button", { name: "Let it go on" }).click();
  await page.getByText("Your last answer: A fault of one build").waitFor();
  expect(await site.portal.stores.patchHolds.get(account.patches.halted)).toMatchObject({ customers: [] });
});

test("somebody finds out from the overview why a machine is exposed, and what to do", async () => {
  const { patches, machines } = account;
  const blockers = [{ task: "postgres", pid: 77, ageSeconds: 60, stack: "do_wait < kernel_wait4" }];
  await machines[20]?.report(patches.running, "stalled", {
    detail: "1 task did not leave the old code",
    evidence: { blockers },
  });
  const { page } = await visit(people.viewer);
  await page.getByRole("list", { name: "Machines by their worst open patch" }).getByText("Critical").click();
  await page.waitForURL(/machines\?exposed=critical/);
  await page.getByRole("link", { name: "db-21" }).click();
  const row = page.getByRole("row", { name: "echod answers past" });
  await row.getByText("Stalled").waitFor();
  await page.getByText("1 task did not leave the old code").first().waitFor();
  await page.locator(".timeline summary").first().click();
  await page.getByText("do_wait < kernel_wait4").waitFor();
});

test("an auditor's report is read, narrowed to a group and taken away as a file, and is made to be printed", async () => {
  const { page } = await visit(people.viewer);
  await page.getByRole("link", { name: "Report" }).click();
  await page.getByLabel("Group").selectOption("canary");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("link", { name: "canary-1", exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "web-5" }).count()).toBe(0);
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as CSV" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("receipts.csv");
  const rows = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
  expect(rows.slice(1).every((row) => row.includes("Verifies"))).toBe(true);
  expect(rows.length).toBeGreaterThan(4);
  await page.emulateMedia({ media: "print" });
  expect(await page.getByRole("navigation", { name: "Main" }).isVisible()).toBe(false);
  await page.getByRole("heading", { name: "Compliance report" }).waitFor();
});

test("a fleet that is longer than one answer is saved as one file", async () => {
  const { page } = await visit(people.viewer);
  await page.goto(`${browser.url}/machines`);
  const parts = ["Id,Machine\r\nm-1,a\r\n", "m-2,b\r\n"];
  await page.route("**/machines.csv*", (route) => {
    const [at, link] = route.request().url().includes("cursor=2") ? [1] : [0, '</machines.csv?cursor=2>; rel="next"'];
    const headers = { "content-disposition": 'attachment; filename="machines-part.csv"', ...(link && { link }) };
    return route.fulfill({ body: parts[at] ?? "", headers, contentType: "text/csv; charset=utf-8" });
  });
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as CSV" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("machines.csv");
  expect(await readFile(await download.path(), "utf8")).toBe(parts.join(""));
});

test("a fleet is read, filtered and left by the keyboard alone, on a phone without JavaScript", async () => {
  const { page } = await visit(people.viewer, { javaScriptEnabled: false, viewport: phone });
  await page.goto(`${browser.url}/machines`);
  await page.keyboard.press("Tab");
  expect(await page.locator(":focus").textContent()).toBe("Skip to the content");
  await page.getByPlaceholder("Name begins with").focus();
  await page.keyboard.type("canary-2");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=canary-2/);
  expect(await page.getByRole("row").allTextContents()).toEqual([
    expect.stringContaining("Machine"),
    expect.stringContaining("canary-2"),
  ]);
  await page.getByRole("button", { name: "Sign out" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.goto(`${browser.url}/patches`);
  expect(page.url()).toContain("/sign-in");
});

test("a view is saved for oneself, another for everybody, and each is found again and forgotten", async () => {
  const { page } = await visit(people.operator);
  await page.goto(`${browser.url}/machines?group=db`);
  await page.getByPlaceholder("Name this view").fill("My databases");
  await page.getByRole("button", { name: "Save" }).click();
  await page.goto(`${browser.url}/machines?state=failing`);
  await page.getByPlaceholder("Name this view").fill("What fails");
  await page.getByLabel("for everybody here").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "My databases (yours)" }).click();
  await page.getByRole("link", { name: "db-15" }).waitFor();
  await page.getByRole("button", { name: "Forget this view" }).click();
  await expect.poll(() => page.getByRole("link", { name: "My databases" }).count()).toBe(0);

  const viewer = await visit(people.viewer);
  await viewer.page.goto(`${browser.url}/machines`);
  await viewer.page.getByRole("link", { name: "What fails" }).click();
  await viewer.page.getByRole("link", { name: "canary-3" }).waitFor();
  expect(await viewer.page.getByRole("button", { name: "Forget this view" }).count()).toBe(0);
});

test("hostile text of a machine or a vendor runs nothing in the browser, wherever it is shown", async () => {
  const { portal } = site;
  const patch = "acme/echod/stable/hostile@1";
  await portal.patch(patch, { title: hostile, severity: "low" });
  const machine = await portal.machine(account.customer, { hostname: hostile, group: "hostile", os: hostile });
  await machine.report(patch, "failed", { detail: hostile, evidence: { [hostile]: hostile } });
  const { page } = await visit(people.owner);
  for (const path of ["/", "/machines", `/machines/${machine.id}`, "/patches", `/patches/${patch}`, "/report"]) {
    await page.goto(browser.url + path);
    await page.getByText(hostile).first().waitFor();
  }
});

test("the API's page shows the routes of the real description", async () => {
  const { page } = await visit(undefined);
  await page.goto(`${browser.url}/docs`);
  await page.getByText("/v1/customers/{customer}/enrolment-tokens", { exact: true }).first().click();
  await page.getByRole("button", { name: "Try it out" }).click();
});
