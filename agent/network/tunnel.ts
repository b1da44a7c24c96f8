import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { SutureError } from "../../protocol/errors.ts";
import { connectSocks5 } from "./socks5.ts";

/** So long a proxy may take until it has connected; milliseconds. */
const patience = 30_000;

/**
 * A connection to a host through a proxy.
 * @param proxy an http, https or socks5 address; user and password in it are for the proxy
 * @param ca what an https proxy is trusted by; undefined for the public authorities
 * @throws SutureError `unreachable` with the proxy's address, without what is secret in it
 */
export async function openTunnel(proxy: URL, host: string, port: number, ca: string[] | undefined): Promise<Socket> {
  const signal = AbortSignal.timeout(patience);
  try {
    if (proxy.protocol.startsWith("socks5")) return await connectSocks5(proxy, host, port, signal);
    return await connectHttp(proxy, host, port, signal, ca);
  } catch (cause) {
    throw new SutureError("unreachable", `The proxy ${proxy.protocol}//${proxy.host} does not connect`, { cause });
  }
}

/** The header with which a proxy knows its user; none where the address names nobody. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(both).toString("base64")}` };
}

/** @see RFC 9110, section 9.3.6 */
function connectHttp(
  proxy: URL,
  host: string,
  port: number,
  signal: AbortSignal,
  ca: string[] | undefined,
): Promise<Socket> {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const headers = { host: authority, ...proxyAuthorization(proxy) };
  const place = { hostname: proxy.hostname.replace(/^\[|\]$/g, ""), port: proxy.port };
  const isTls = proxy.protocol === "https:";
  const options = { ...place, method: "CONNECT", path: authority, headers, signal, agent: false, ...(ca && { ca }) };
  return new Promise((resolve, reject) => {
    const request = (isTls ? requestHttps : requestHttp)({ ...options, port: proxy.port || (isTls ? 443 : 80) });
    const refuse = (status: number | undefined) => {
      const why = status === 407 ? "it wants another user or password (407)" : `it answered ${status}`;
      reject(new SutureError("unreachable", why));
      request.destroy();
    };
    request.once("connect", ({ statusCode = 0 }, socket, head) => {
      if (statusCode < 200 || statusCode >= 300) return refuse(statusCode);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    request.once("response", ({ statusCode }) => refuse(statusCode));
    request.once("error", reject);
    request.end();
  });
}
