import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { Admission, usualShares } from "./admission.ts";
import { type Listener, listen } from "./listen.ts";

let listener: Listener;
afterEach(async () => await listener.close());

const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: suture.test\r\n\r\n`;
const small = { ...usualShares, others: { ...usualShares.others, requests: 2 } };

it("of 300 requests in one packet a few are worked on, and other clients are answered meanwhile", async () => {
  listener = await listen(0);
  const held: (() => void)[] = [];
  const asked = { flood: 0 };
  listener.serve((request) => {
    if (!request.url.endsWith("/flood")) return new Response("other");
    asked.flood++;
    return new Promise((resolve) => held.push(() => resolve(new Response("flood"))));
  });
  const socket = connect(Number(new URL(listener.url).port), "127.0.0.1").setEncoding("utf8");
  let received = "";
  socket.on("data", (text: string) => {
    received += text;
  });
  socket.write(head("/flood").repeat(300));
  const ended = once(socket, "close");
  expect(await (await fetch(`${listener.url}/other`)).text()).toBe("other");
  while (held.length < 4) await new Promise(setImmediate);
  for (const answer of held) answer();
  await ended;
  expect(asked.flood).toBe(4);
  const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  expect(statuses).toEqual(["200", "200", "200", "200", "503"]);
  expect(received).toMatch(/retry-after: \d+/i);
});

it("refuses with 503 what is beyond the share before anything is done for it, and agents are still answered", async () => {
  listener = await listen(0, "127.0.0.1", new Admission(small));
  const held: (() => void)[] = [];
  listener.serve((request) => {
    if (request.url.includes("/v1/agent/")) return new Response("news");
    return new Promise((resolve) => held.push(() => resolve(new Response("page"))));
  });
  const pages = Array.from({ length: 20 }, () => fetch(`${listener.url}/machines`));
  const shed = await Promise.race(pages);
  expect([shed.status, shed.headers.get("retry-after")]).toEqual([503, "2"]);
  expect(await shed.json()).toMatchObject({ code: "unavailable", status: 503, retryAfter: 2 });
  expect((await fetch(`${listener.url}/v1/agent/poll`)).status).toBe(200);
  // twenty arrive in any order: the two that were let in wait until all others are refused
  const settled = new Set<unknown>();
  for (const page of pages) void page.then(() => settled.add(page));
  while (settled.size < 18) await new Promise(setImmediate);
  for (const answer of held) answer();
  const statuses = (await Promise.all(pages)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  expect(statuses.filter((status) => status === 503)).toHaveLength(18);
});

it("a client that leaves and comes again makes no more work: its places are free when the work has ended", async () => {
  listener = await listen(0, "127.0.0.1", new Admission(small));
  const work: { request: Request; end: () => void }[] = [];
  listener.serve(
    (request) => new Promise((resolve) => work.push({ request, end: () => resolve(new Response("late")) })),
  );
  const port = Number(new URL(listener.url).port);
  // both on one connection: the second answer waits for the first, and has no connection of its own to tell it of the end
  const socket = connect(port, "127.0.0.1");
  socket.write(head("/a") + head("/b"));
  while (work.length < 2) await new Promise(setImmediate);
  const aborted = work.map(({ request }) => once(request.signal, "abort"));
  socket.destroy();
  await Promise.all(aborted);
  expect((await fetch(`${listener.url}/c`)).status).toBe(503);
  expect(work).toHaveLength(2);
  for (const { end } of work.splice(0)) end();
  const again = fetch(`${listener.url}/d`);
  while (work.length < 1) await new Promise(setImmediate);
  work[0]?.end();
  expect((await again).status).toBe(200);
});
