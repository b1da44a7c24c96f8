import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket, Server as TcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeError } from "../../protocol/errors.ts";
import { makeCertificates } from "../../test/support/agent/certificates.ts";
import { httpProxy, socksServer } from "../../test/support/agent/proxies.ts";
import { configWith } from "../config/config.ts";
import type { Network } from "../config/network-keys.ts";
import { networkHttp } from "./http.ts";

const folder = mkdtempSync(join(tmpdir(), "suture-network-"));
const fileNamed = (name: string) => join(folder, name);
const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();
/** What each proxy was asked to connect to. */
let asked: string[] = [];
beforeEach(() => {
  asked = [];
});

const note = (what: string) => asked.push(what);

async function listen(server: Server | TcpServer, host = "127.0.0.1"): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const tls = () => ({ cert: readFileSync(fileNamed("server.pem")), key: readFileSync(fileNamed("server.key")) });

/** Says who asked, by the client's certificate, and for what. */
const answer = (request: IncomingMessage, response: { end: (text: string) => void }) => {
  const certificate =
    "getPeerCertificate" in request.socket ? (request.socket as TLSSocket).getPeerCertificate() : null;
  response.end(`${String(certificate?.subject?.CN ?? "nobody")} ${request.headers.host} ${request.url}`);
};

let ports: Record<
  "plain" | "tls" | "tls6" | "mutual" | "proxy" | "closedProxy" | "tlsProxy" | "socks" | "openSocks",
  number
>;
beforeAll(async () => {
  makeCertificates(folder);
  const asksForCertificate = { ...tls(), requestCert: true, ca: readFileSync(fileNamed("ca.pem")) };
  ports = {
    plain: await listen(createServer(answer)),
    tls: await listen(createTlsServer(tls(), answer)),
    tls6: await listen(createTlsServer(tls(), answer), "::1"),
    mutual: await listen(createTlsServer(asksForCertificate, answer)),
    proxy: await listen(httpProxy(createServer(), note)),
    closedProxy: await listen(httpProxy(createServer(), note, "agent:s3cret word")),
    tlsProxy: await listen(httpProxy(createTlsServer(tls()), note, "agent:s3cret word")),
    socks: await listen(socksServer(note, "agent:s3cret word")),
    openSocks: await listen(socksServer(note)),
  };
});
afterAll(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  rmSync(folder, { recursive: true });
});

/** Asks for an address, as this is configured; the text of the answer. */
async function ask(url: string, network: Partial<Network>): Promise<string> {
  const http = networkHttp({ ...configWith({}).network, ...network });
  const { body } = await http({ method: "GET", url, maxBytes: 10_000, timeout: 20_000 });
  return Buffer.from(body).toString();
}
const refusalOf = async (url: string, network: Partial<Network>) =>
  describeError(await ask(url, network).catch((error: unknown) => error));
const trusting = () => ({ ca_file: fileNamed("ca.pem") });

describe("an authority of one's own", () => {
  it("is trusted where it is named, beside the public ones, and nowhere else", async () => {
    const url = `https://localhost:${ports.tls}/a`;
    expect(await ask(url, trusting())).toBe(`nobody localhost:${ports.tls} /a`);
    expect(await ask(url, { hosts: { localhost: trusting() } })).toContain("/a");
    expect(await refusalOf(url, {})).toMatch(/certificate/);
    expect(await refusalOf(url, { hosts: { "other.internal": trusting() } })).toMatch(/certificate/);
  });

  it("reaches a server by IPv6", async () => {
    expect(await ask(`https://[::1]:${ports.tls6}/six`, trusting())).toBe(`nobody [::1]:${ports.tls6} /six`);
  });

  it("a client's certificate is shown to a server that asks for one", async () => {
    const client = { client_certificate: fileNamed("client.pem"), client_key: fileNamed("client.key") };
    const url = `https://localhost:${ports.mutual}/`;
    expect(await ask(url, { ...trusting(), ...client })).toMatch(/^host-7 /);
    expect(await ask(url, { ...trusting(), hosts: { localhost: client } })).toMatch(/^host-7 /);
    expect(await refusalOf(url, trusting())).toMatch(/cannot be reached/);
  });
});

describe("a proxy", () => {
  const target = () => `https://suture.internal:${ports.tls}/way`;
  const answered = () => `nobody suture.internal:${ports.tls} /way`;

  it.each([
    ["HTTP", () => `http://127.0.0.1:${ports.proxy}`, "CONNECT"],
    ["HTTP with a user", () => `http://agent:s3cret%20word@127.0.0.1:${ports.closedProxy}`, "CONNECT"],
    ["HTTPS with a user", () => `https://agent:s3cret%20word@localhost:${ports.tlsProxy}`, "CONNECT"],
    ["SOCKS5", () => `socks5://127.0.0.1:${ports.openSocks}`, "SOCKS"],
    ["SOCKS5 with a user", () => `socks5h://agent:s3cret%20word@127.0.0.1:${ports.socks}`, "SOCKS"],
  ])(
    "%s leads to a server whose name this host does not know, and the connection serves the next request",
    async (_, proxy, word) => {
      const http = networkHttp({ ...configWith({}).network, ...trusting(), proxy: proxy() });
      for (const _ of [1, 2]) {
        const { body } = await http({ method: "GET", url: target(), maxBytes: 10_000, timeout: 20_000 });
        expect(Buffer.from(body).toString()).toBe(answered());
      }
      expect(asked).toEqual([expect.stringMatching(new RegExp(`^${word} suture.internal`))]);
    },
  );

  it("that refuses is named with its reason, and nothing secret", async () => {
    const through = async (proxy: string, url = target()) => {
      const said = await refusalOf(url, { ...trusting(), proxy });
      expect(said).not.toMatch(/wrong-word|agent/);
      return said;
    };
    expect(await through(`http://agent:wrong-word@127.0.0.1:${ports.closedProxy}`)).toMatch(
      /The proxy http:\/\/127.0.0.1:\d+ does not connect: it wants another user or password/,
    );
    expect(await through(`socks5://agent:wrong-word@127.0.0.1:${ports.socks}`)).toMatch(/does not know this user/);
    expect(await through(`socks5://127.0.0.1:${ports.socks}`)).toMatch(/SOCKS5|wants a user/);
    expect(await through(`socks5://127.0.0.1:${ports.openSocks}`, "https://refused.internal/")).toMatch(/rules/);
    expect(await through("socks5://127.0.0.1:1")).toMatch(/ECONNREFUSED/);
    expect(await through("http://127.0.0.1:1")).toMatch(/ECONNREFUSED/);
    expect(await through(`socks5://127.0.0.1:${ports.plain}`)).toMatch(/no SOCKS5 server|ended the connection/);
  });

  it("is asked for the whole address of what is not encrypted, and a SOCKS server to connect", async () => {
    const url = `http://mirror.internal:${ports.plain}/x?y=1`;
    const proxy = `http://127.0.0.1:${ports.proxy}`;
    expect(await ask(url, { proxy })).toBe(`forwarded for mirror.internal:${ports.plain}`);
    expect(await ask(url, { proxy: `socks5://127.0.0.1:${ports.openSocks}` })).toMatch(/\/x\?y=1$/);
    expect(asked).toEqual([`GET ${url}`, "SOCKS mirror.internal"]);
  });

  it("gets an address of IPv6 as it is", async () => {
    const url = `https://[fd00::1]:${ports.tls}/`;
    for (const proxy of [`http://127.0.0.1:${ports.proxy}`, `socks5://127.0.0.1:${ports.openSocks}`]) {
      await refusalOf(url, { proxy });
    }
    expect(asked).toEqual([`CONNECT [fd00::1]:${ports.tls}`, `SOCKS fd00${"0".repeat(27)}1`]);
  });

  it("is passed by for this host itself, for what no_proxy names, and for a host that says none", async () => {
    const proxy = `http://127.0.0.1:${ports.proxy}`;
    await ask(`https://127.0.0.1:${ports.tls}/`, { ...trusting(), proxy });
    await refusalOf("https://name.invalid/", { proxy, no_proxy: ["invalid"] });
    await refusalOf("https://name.invalid/", { proxy, hosts: { "name.invalid": { proxy: "none" } } });
    expect(asked).toEqual([]);
    await refusalOf("https://name.invalid/", { proxy, no_proxy: ["other.invalid"] });
    expect(asked).toEqual(["CONNECT name.invalid:443"]);
  });
});
