import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { noBrowser, startBrowser, type TestBrowser, type Visitor } from "../support/browser.ts";
import { startPortal, type TestPortal } from "../support/portal.ts";
import { fillAccount } from "../support/portal-account.ts";

let portal: TestPortal;
let browser: TestBrowser;
let account: Awaited<ReturnType<typeof fillAccount>>;
let visitors: Visitor[] = [];

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  portal = await startPortal({ now: () => new Date() });
  account = await fillAccount(portal, Date.now());
  browser = await startBrowser(portal.app);
});
afterAll(async () => {
  await browser?.stop();
  await portal?.stop();
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

async function visit(principal: Parameters<TestPortal["token"]>[0] | undefined, options = {}): Promise<Visitor> {
  const token = principal && (await portal.token(principal));
  const visitor = await browser.visit(token, options);
  visitors.push(visitor);
  return visitor;
}
const publisher = { kind: "vendor", tenant: "acme", role: "publisher" } as const;
const operator = { kind: "operator", tenant: "service", role: "operator" } as const;

test("a rollout is approved, watched as it moves, halted and undone by clicking", async () => {
  const { page } = await visit(account.as("operator"));
  await page.goto(`${browser.url}/rollouts`);
  await page.getByRole("link", { name: "echod answers past" }).click();
  await page.getByText("Asks first").first().waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Running").first().waitFor();
  await page.getByText("Approved by test").waitFor();

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
  const found = await portal.stores.rollouts.get(account.customer, account.patches.running);
  expect(found).toMatchObject({ state: "halted", undo: true });
});

test("a halted rollout is resumed with the keyboard alone, without JavaScript", async () => {
  const { page } = await visit(account.as("owner"), { javaScriptEnabled: false });
  await page.goto(`${browser.url}/rollouts/${account.patches.halted}`);
  await page.getByLabel("Note for the review").focus();
  await page.keyboard.type("The two had a full disk");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("The two had a full disk").waitFor();
  const found = await portal.stores.rollouts.get(account.customer, account.patches.halted);
  expect(found).toMatchObject({ state: "running" });
});

test("an install command is made for a group and copied", async () => {
  const { page, context } = await visit(account.as("operator"));
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
  const { page } = await visit(account.as("owner"));
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
  const { page } = await visit(account.as("owner"));
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
    await portal.stores.patchHolds.addHalt(account.patches.halted, customer);
  const { page } = await visit(publisher);
  await page.goto(browser.url);
  await page
    .getByRole("row", { name: /^tlsd accepts/ })
    .getByText("Held for everyone")
    .waitFor();
  await page.getByRole("link", { name: "tlsd accepts" }).click();
  await page.getByLabel("Your answer").fill("A fault of one build, mended in version 3");
  await page.getByRole("button", { name: "Let it go on" }).click();
  await page.getByText("Your last answer: A fault of one build").waitFor();
  expect(await portal.stores.patchHolds.get(account.patches.halted)).toMatchObject({ customers: [] });
});

test("every page of a customer is readable on a desk and on a phone, light and dark, and axe has nothing against it", async () => {
  const visitor = await visit(account.as("owner"));
  const running = `/rollouts/${account.patches.running}`;
  for (const path of ["/rollouts", "/policies", "/pins", "/support", "/tokens", "/people", "/usage", "/audit"]) {
    await browser.look(visitor, path.slice(1), path);
  }
  await browser.look(visitor, "rollout", running);
  await browser.look(visitor, "policy", "/policies/databases");
  await browser.look(visitor, "pin", "/pins/db-freeze");
  await browser.look(visitor, "install", "/tokens/new?group=web");
  await browser.look(visitor, "api-token", "/tokens/api/new");
  await browser.look(visitor, "provider", "/people/provider");
  await browser.look(visitor, "join", "/join");
});

test("so is every page of a vendor and of the operator", async () => {
  const vendor = await visit(publisher);
  for (const path of ["/published", "/publish", "/products"]) await browser.look(vendor, path.slice(1), path);
  await browser.look(vendor, "published-patch", "/published/tlsd/stable/handshake@2");
  await browser.look(vendor, "support-matrix", "/products/echod");
  const service = await visit(operator);
  for (const path of ["/tenants", "/health", "/expiries"]) await browser.look(service, path.slice(1), path);
  await browser.look(service, "tenant-customer", "/tenants/customers/northwind");
  await browser.look(service, "tenant-vendor", "/tenants/vendors/acme");
});
