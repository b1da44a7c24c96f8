import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeCertificates } from "../../test/support/agent/certificates.ts";
import { configWith } from "../config/config.ts";
import { routeTo } from "../network/route.ts";
import { listProcesses, readCodeMappings } from "../system/proc.ts";
import { hearsNothingNew } from "./ask.ts";
import { isCalm } from "./calm.ts";
import { callerOf, foldersOf, newNote, type PollNote, stampOf } from "./note.ts";
import { peerOf } from "./peer.ts";

const folder = mkdtempSync(join(tmpdir(), "suture-poll-"));
const state = join(folder, "state");
const call = (args: string[], env: Record<string, string> = {}) => ({ argv: ["node", process.execPath, ...args], env });
const caller = callerOf(call(["poll"]));
const peer = { address: "127.0.0.1", port: 1, tls: null };
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const request = "GET /v1/agent/poll HTTP/1.1\r\nhost: suture\r\n\r\n";

beforeEach(() => {
  rmSync(state, { recursive: true, force: true });
  mkdirSync(join(state, "holds"), { recursive: true });
  writeFileSync(join(state, "session.json"), "{}");
});
afterAll(() => rmSync(folder, { recursive: true }));

function noteNow(change: Partial<PollNote> = {}): PollNote {
  const stamps = Object.fromEntries([state, join(state, "off")].map((path) => [path, stampOf(path)]));
  return newNote({ caller, bootId, since: 1000, until: 2000, peer, request, stamps, programs: null, ...change });
}
const holds = (note: PollNote, change: { now?: number; caller?: typeof caller } = {}) =>
  isCalm(note, { state, caller, now: 1500, ...change });

describe("a note of the last whole round", () => {
  it("holds while all is as it was, whoever takes and gives back the lock between", () => {
    const note = noteNow();
    writeFileSync(join(state, "lock"), "1 1");
    rmSync(join(state, "lock"));
    writeFileSync(join(state, "poll.json"), "{}");
    expect(holds(note)).toBe(true);
  });

  const replace = (name: string, text: string) => {
    writeFileSync(join(state, `${name}.new`), text);
    renameSync(join(state, `${name}.new`), join(state, name));
  };
  it.each<[string, () => void]>([
    ["an agent works here", () => writeFileSync(join(state, "lock"), "1 1")],
    ["a file was written", () => writeFileSync(join(state, "session.json"), "{ }")],
    ["a file was replaced by one as long", () => replace("session.json", "[]")],
    ["a file came", () => writeFileSync(join(state, "journal.json"), "{}")],
    ["an administrator holds a patch", () => writeFileSync(join(state, "holds/a.json"), "{}")],
    ["the agent was switched off", () => writeFileSync(join(state, "off"), "")],
    ["a file is gone", () => rmSync(join(state, "session.json"))],
  ])("does not hold where %s", (_, change) => {
    const note = noteNow();
    change();
    expect(holds(note)).toBe(false);
  });

  it("does not hold when it is over, before it was made, in another boot, for another call or another release", () => {
    expect(holds(noteNow(), { now: 2000 })).toBe(false);
    expect(holds(noteNow(), { now: 999 })).toBe(false);
    expect(holds(noteNow({ bootId: "another" }))).toBe(false);
    for (const other of [
      { ...caller, release: "/elsewhere" },
      callerOf(call(["poll", "--state", state])),
      callerOf(call(["poll"], { SUTURE_TRIAL: "1" })),
      callerOf(call(["poll"], { https_proxy: "http://proxy" })),
    ])
      expect(holds(noteNow(), { caller: other })).toBe(false);
  });

  it("does not hold when a program was started that a patch is for, nor when any may be one, but while others come and go", async () => {
    const known = listProcesses();
    const other = spawn("sleep", ["1000"], { stdio: "ignore" });
    await once(other, "spawn");
    try {
      const own = readCodeMappings(other.pid ?? 0).map(({ file }) => file);
      expect(own.length).toBeGreaterThan(0);
      expect(holds(noteNow({ programs: { known, files: own } }))).toBe(false);
      expect(holds(noteNow({ programs: { known, files: null } }))).toBe(false);
      const all = [...known, ...listProcesses()];
      expect(holds(noteNow({ programs: { known: all, files: own } }))).toBe(true);
      expect(holds(noteNow({ programs: { known, files: ["00:00:1"] } }))).toBe(true);
    } finally {
      other.kill("SIGKILL");
      await once(other, "exit");
    }
  });
});

it("a call with an argument that may decide something leaves no note and goes by none; a token is not written down", () => {
  expect(foldersOf(call(["poll", "--state", "/s"]))).toEqual({ state: "/s", config: "/etc/suture" });
  expect(foldersOf(call(["poll"], { SUTURE_AGENT_STATE: "/t" }))?.state).toBe("/t");
  for (const args of [["poll", "--json"], ["poll", "--set", "mirror=none"], ["poll", "--state"], ["once"], []])
    expect(foldersOf(call(args))).toBeUndefined();
  expect(callerOf(call(["poll"], { SUTURE_ENROLMENT_TOKEN: "s3cret" })).environment).not.toContain("s3cret");
});

describe("a poll by a note", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  /** What the service says, in pieces; null is never a word. */
  let answer: string[] | null = [];
  let asked = "";
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (bytes: Buffer) => {
      asked = bytes.toString();
      for (const piece of answer ?? []) socket.write(piece);
      if (answer !== null) socket.end();
    });
  };
  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }
  let ports: { plain: number; tls: number };
  beforeAll(async () => {
    makeCertificates(folder);
    const [cert, key] = ["server.pem", "server.key"].map((name) => readFileSync(join(folder, name)));
    ports = {
      plain: await listen(createServer(serve)),
      tls: await listen(createTlsServer({ cert, key }, serve)),
    };
  });
  const environment = { ...process.env };
  afterAll(() => {
    process.env = environment;
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });
  const way = async (url: string, caFile: string | null) => {
    const route = { proxy: null, caFile, clientCertificate: null, clientKey: null };
    return await peerOf(new URL(url), route, 20_000);
  };
  const hears = async (to: PollNote["peer"] | undefined, timeout = 20_000) =>
    to !== undefined && (await hearsNothingNew(noteNow({ peer: to }), timeout));
  const nothing = ["HTTP/1.1 204 No Content\r\nsuture-next-poll: 900\r\n", "\r\n"];

  it("knows one answer, and takes every other for news", async () => {
    const plain = await way(`http://127.0.0.1:${ports.plain}/v1/agent/poll`, null);
    answer = nothing;
    expect(await hears(plain)).toBe(true);
    expect(asked).toBe(request);
    for (const other of [
      ["HTTP/1.1 200 OK\r\n\r\n"],
      ["HTTP/1.1 503 Service Unavailable\r\n\r\n"],
      ["HTTP/1.1 302 Found\r\nlocation: /204\r\n\r\n"],
      nothing.slice(0, 1),
      ["HTTP/1.1 2040 \r\n\r\n"],
      ["HTTP/1.1 204 No Content\r\n", "suture: 1\r\n".repeat(2_000), "\r\n"],
      [],
    ]) {
      answer = other;
      expect(await hears(plain)).toBe(false);
    }
    answer = null;
    expect(await hears(plain, 50)).toBe(false);
    expect(await hears({ address: "127.0.0.1", port: 1, tls: null })).toBe(false);
  });

  it("trusts by TLS those authorities that vouched for the service, for its name, and nobody else", async () => {
    answer = nothing;
    const tls = await way(`https://localhost:${ports.tls}/v1/agent/poll`, join(folder, "ca.pem"));
    expect(tls?.tls).toEqual({ name: "localhost", authorities: [readFileSync(join(folder, "ca.pem"), "utf8").trim()] });
    expect(await hears(tls)).toBe(true);
    const byAddress = await way(`https://127.0.0.1:${ports.tls}/v1/agent/poll`, join(folder, "ca.pem"));
    expect(await hears(byAddress)).toBe(true);
    for (const wrong of [
      { name: "elsewhere.internal", authorities: tls?.tls?.authorities ?? [] },
      { name: "localhost", authorities: [readFileSync(join(folder, "client.pem"), "utf8")] },
      { name: "localhost", authorities: [] },
    ])
      expect(await hears({ address: "127.0.0.1", port: ports.tls, tls: wrong })).toBe(false);
    await expect(way(`https://localhost:${ports.tls}/`, null)).rejects.toThrow(/certificate/);
  });

  it("is the whole agent's where a proxy leads to the service, or it wants to be shown a certificate", async () => {
    const url = new URL("https://suture.example.com/");
    const proxied = routeTo({ ...configWith({}).network, proxy: "http://proxy:3128" }, url);
    const mutual = routeTo({ ...configWith({}).network, client_certificate: "/c.pem", client_key: "/c.key" }, url);
    for (const route of [proxied, mutual]) expect(await peerOf(url, route, 1_000)).toBeUndefined();
  });
});
