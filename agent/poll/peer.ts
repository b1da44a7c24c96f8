import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, isIP } from "node:net";
import { connect as connectTls, getCACertificates, type TLSSocket } from "node:tls";
import { authoritiesOf } from "../network/http.ts";
import type { Route } from "../network/route.ts";
import type { Peer } from "./note.ts";

/**
 * How a server is reached right now, by a connection that asks for nothing. Undefined where a proxy leads there or it wants to be shown
 * a certificate: then a poll is the whole agent's.
 * @param timeout milliseconds
 * @throws the system's errors, an AbortError
 */
export async function peerOf(url: URL, route: Route, timeout: number): Promise<Peer | undefined> {
  if (route.proxy !== null || route.clientCertificate !== null) return undefined;
  const isTls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isTls ? 443 : 80));
  const ca = authoritiesOf(route);
  const name = isIP(host) === 0 ? host : "";
  const socket = isTls ? connectTls({ host, port, servername: name, ...(ca && { ca }) }) : connect({ host, port });
  try {
    await once(socket, isTls ? "secureConnect" : "connect", { signal: AbortSignal.timeout(timeout) });
    const address = socket.remoteAddress;
    if (address === undefined) return undefined;
    if (!isTls) return { address, port, tls: null };
    const authorities = vouching(socket as TLSSocket, ca ?? getCACertificates("default"));
    return authorities.length === 0 ? undefined : { address, port, tls: { name, authorities } };
  } finally {
    socket.destroy();
  }
}

/** Those of the trusted authorities that vouch for a server's certificates: two or three of 150, each of which would cost time to read. */
function vouching(socket: TLSSocket, trusted: readonly string[]): string[] {
  const issuers = new Set<string>();
  let certificate = socket.getPeerX509Certificate();
  for (let left = 10; certificate !== undefined && left > 0; left--) {
    issuers.add(certificate.issuer);
    certificate = certificate.issuerCertificate;
  }
  return trusted.flatMap(certificatesIn).filter((pem) => issuers.has(new X509Certificate(pem).subject));
}

function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
