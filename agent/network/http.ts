import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates } from "node:tls";
import { callbackify } from "node:util";
import { SutureError } from "../../protocol/errors.ts";
import type { Network } from "../config/network-keys.ts";
import { type Http, httpBy, type Way } from "../system/http.ts";
import { type Route, routeTo } from "./route.ts";
import { openTunnel, proxyAuthorization } from "./tunnel.ts";

/** HTTP as the configuration says: through its proxies, with its authorities and certificates. @throws SutureError `config-invalid` too */
export function networkHttp(network: Network): Http {
  const ways = new Map<string, Way>();
  return httpBy((target) => {
    const route = routeTo(network, target);
    const key = JSON.stringify([target.protocol, route]);
    const way = ways.get(key) ?? wayOf(target.protocol === "https:", route);
    ways.set(key, way);
    return way;
  });
}

/** As node's own agents do: a connection serves the next request too. */
const kept = { keepAlive: true, scheduling: "lifo", timeout: 5_000 } as const;

function wayOf(isTls: boolean, route: Route): Way {
  const proxy = route.proxy === null ? undefined : new URL(route.proxy);
  const ca = authoritiesOf(route);
  if (!isTls) return proxy === undefined ? {} : plainWay(proxy, ca);
  const { clientCertificate, clientKey } = route;
  const credentials = {
    ...(ca && { ca }),
    ...(clientCertificate !== null && { cert: pem(clientCertificate) }),
    ...(clientKey !== null && { key: pem(clientKey) }),
  };
  const agent = new HttpsAgent({ ...kept, ...credentials });
  if (proxy !== undefined) {
    connectBy(agent, async (host, port) => {
      const socket = await openTunnel(proxy, host, port, ca);
      return connectTls({ ...credentials, socket, host, servername: isIP(host) === 0 ? host : "" });
    });
  }
  return { agent };
}

/** Whom a route trusts; undefined means the authorities that Node comes with. @throws SutureError `config-invalid` */
export function authoritiesOf({ caFile }: Route): string[] | undefined {
  return caFile === null ? undefined : [...rootCertificates, pem(caFile)];
}

/** What is not encrypted an http proxy is asked for itself; a SOCKS server only connects. */
function plainWay(proxy: URL, ca: string[] | undefined): Way {
  if (!proxy.protocol.startsWith("socks5")) {
    return { forward: proxy, headers: proxyAuthorization(proxy), ...(ca && { ca }) };
  }
  const agent = new HttpAgent(kept);
  connectBy(agent, (host, port) => openTunnel(proxy, host, port, ca));
  return { agent };
}

/** Lets an agent open its connections so. */
function connectBy(agent: HttpAgent, open: (host: string, port: number) => Promise<Socket>): void {
  agent.createConnection = ({ host, port }, done) => {
    if (done !== undefined) callbackify(open)(host ?? "", Number(port), done);
    return undefined;
  };
}

function pem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new SutureError("config-invalid", `${file} cannot be read`, { cause });
  }
}
