import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { openMirror } from "../mirror/source.ts";
import { nodeHttp } from "../system/http.ts";
import { httpService, type Service } from "./service.ts";

let answer: (request: IncomingMessage, response: ServerResponse) => void;
const server = createServer((request, response) => answer(request, response));
let origin: string;
let service: Service;
beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  service = httpService(origin, nodeHttp);
});
afterEach(
  () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
);

const bytes = Buffer.from("what was signed ".repeat(1000));
const read = (name: string) => service.publicFile("demo", name, 100_000);

it("an answer that a proxy encoded is read as what it was, and stays within its limit", async () => {
  const encoders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
  for (const [name, encode] of Object.entries(encoders)) {
    answer = (request, response) => {
      expect(request.headers["accept-encoding"]).toBe("identity");
      response.writeHead(200, { "content-encoding": name }).end(encode(bytes));
    };
    expect(Buffer.from((await read("timestamp.json")) ?? "")).toEqual(bytes);
    await expect(service.publicFile("demo", "timestamp.json", 1000)).rejects.toMatchObject({ code: "too-large" });
  }
  answer = (_, response) => response.writeHead(200, { "content-encoding": "snappy" }).end("?");
  await expect(read("timestamp.json").catch((error: unknown) => describeError(error))).resolves.toMatch(
    /cannot be reached: the answer is encoded as snappy/,
  );
  answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("not gzip");
  await expect(read("timestamp.json")).rejects.toMatchObject({ code: "unreachable" });
});

it("a web server that answers 403 for what is not there has no newer root, and is good as a mirror", async () => {
  answer = (_, response) => response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
  expect(await read("2.root.json")).toBeUndefined();
  expect(await openMirror(`${origin}/mirror`, nodeHttp).read("tuf/demo/2.root.json", 1000)).toBeUndefined();
  await expect(read("timestamp.json")).rejects.toMatchObject({ code: "unreachable" });
});

it("a download that breaks off goes on where it was, and begins anew where the server has no ranges", async () => {
  const ranges: (string | undefined)[] = [];
  let hasRanges = true;
  answer = (request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const from = hasRanges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
    const status = from > 0 ? 206 : 200;
    response.writeHead(status, {
      "content-length": bytes.length - from,
      ...(status === 206 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const end = ranges.length === 3 ? bytes.length : from + 5000;
    response.write(bytes.subarray(from, end), () => ranges.length < 3 && response.destroy());
    if (ranges.length === 3) response.end();
  };
  expect(Buffer.from(await service.download("/bundle", 100_000))).toEqual(bytes);
  expect(ranges).toEqual([undefined, "bytes=5000-", "bytes=10000-"]);
  await expect(service.download("/bundle", 1000)).rejects.toMatchObject({ code: "too-large" });

  ranges.length = 1;
  hasRanges = false;
  await expect(service.download("/bundle", 100_000)).resolves.toHaveLength(bytes.length);
});

it("a download that brings nothing more is given up, and so is one that is refused half way", async () => {
  let asked = 0;
  answer = (_, response) => {
    asked++;
    if (asked === 1) response.writeHead(200, { "content-length": 10 }).write("half", () => response.destroy());
    else response.writeHead(416).end("no such range, and a body that must not be taken for the file's");
  };
  await expect(service.download("/bundle", 100_000)).rejects.toMatchObject({ data: { httpStatus: 416 } });
  expect(asked).toBe(2);
});

it("the time that a service asks for is taken in seconds or as a date by the service's own clock", async () => {
  const wrongClock = Date.parse("2031-01-01T00:00:00Z");
  for (const after of ["120", new Date(wrongClock + 120_000).toUTCString()]) {
    answer = (_, response) =>
      response.writeHead(503, { "retry-after": after, date: new Date(wrongClock).toUTCString() }).end("maintenance");
    await expect(service.poll("ticket")).rejects.toMatchObject({ data: { retryAfter: 120 } });
  }
});

it("a service that none of its addresses reaches is described by each address and its reason", async () => {
  const error = new SutureError("unreachable", "https://suture.test cannot be reached", {
    cause: new AggregateError([
      new Error("connect ENETUNREACH 2001:db8::1:443"),
      new Error("connect ETIMEDOUT 192.0.2.1:443"),
    ]),
  });
  expect(describeError(error)).toBe(
    "https://suture.test cannot be reached: connect ENETUNREACH 2001:db8::1:443; connect ETIMEDOUT 192.0.2.1:443",
  );
});
