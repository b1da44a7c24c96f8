import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";

const origin = "http://portal.test";
const stream = "acme/echod/stable";
/** What a Lambda function may answer. */
const mostBytes = 6 * 1024 * 1024;
const fleet = 100_000;
const pageRows = 1000;

let portal: TestPortal;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date() });
});
afterAll(() => portal?.stop());

test("a list of 100,000 machines is a file in parts that a function can answer, each machine in one of them", async () => {
  const token = await portal.customer("large", [stream]);
  await portal.machine("large", { hostname: "web-000001.example.com" });
  const [machine] = (await portal.stores.fleet.list("large", {})).items;
  if (machine === undefined) throw new RangeError("the machine is not listed");
  vi.spyOn(portal.stores.fleet, "list").mockImplementation((_customer, _filter, { cursor = "0" } = {}) => {
    const begin = Number(cursor);
    const items = Array.from({ length: pageRows }, (_, at) => ({ ...machine, machine: `m-${begin + at}` }));
    const end = begin + pageRows;
    return Promise.resolve({ items, ...(end < fleet && { cursor: String(end) }) });
  });
  const signedIn = await portal.app.request(`${origin}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin },
  });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";

  const rows: string[] = [];
  let parts = 0;
  for (let path: string | undefined = "/machines.csv?state=moving"; path !== undefined; parts++) {
    const answer: Response = await portal.app.request(origin + path, { headers: { cookie } });
    const text = await answer.text();
    expect(Buffer.byteLength(text)).toBeLessThan(mostBytes);
    expect(answer.headers.get("content-disposition")).toContain("machines-part.csv");
    rows.push(...text.trimEnd().split("\r\n"));
    [, path] = /^<(.+state=moving.+)>; rel="next"$/.exec(answer.headers.get("link") ?? "") ?? [];
  }
  expect(parts).toBe(5);
  expect(rows[0]).toMatch(/^Machine id,/);
  expect(new Set(rows.map((row) => row.split(",")[0])).size).toBe(fleet + 1);
  expect(rows).toHaveLength(fleet + 1);
});

test("the file of the report has every machine's receipts, over as many parts as it takes", async () => {
  vi.restoreAllMocks();
  const token = await portal.customer("reported", [stream]);
  const machine = await portal.machine("reported", { hostname: "one" });
  await machine.report(`${stream}/fix@1`, "applied");
  const [indexed] = (await portal.stores.fleet.list("reported", {})).items;
  if (indexed === undefined) throw new RangeError("the machine is not listed");
  const count = 1200;
  vi.spyOn(portal.stores.fleet, "list").mockImplementation((_customer, _filter, { cursor = "0", limit = 1 } = {}) => {
    const end = Math.min(count, Number(cursor) + limit);
    const items = Array.from({ length: end - Number(cursor) }, () => indexed);
    return Promise.resolve({ items, ...(end < count && { cursor: String(end) }) });
  });
  const body = new URLSearchParams({ token });
  const signedIn = await portal.app.request(`${origin}/sign-in`, { method: "POST", body, headers: { origin } });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const rows: string[] = [];
  let parts = 0;
  for (let path: string | undefined = "/report.csv"; path !== undefined; parts++) {
    const answer: Response = await portal.app.request(origin + path, { headers: { cookie } });
    rows.push(...(await answer.text()).trimEnd().split("\r\n"));
    [, path] = /^<(.+)>; rel="next"$/.exec(answer.headers.get("link") ?? "") ?? [];
  }
  expect([parts, rows.length]).toEqual([3, count + 1]);
});
