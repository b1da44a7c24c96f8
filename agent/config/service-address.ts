import { SutureError } from "../../protocol/errors.ts";

/** Whether text is a service's address: https, or http on a host's own loopback, since the token must not be read on its way. */
export function isServiceAddress(text: string): boolean {
  const url = URL.parse(text);
  const isLocal = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  return url?.protocol === "https:" || (url?.protocol === "http:" && isLocal);
}

/** An address as a host keeps it. @throws SutureError `invalid-request` for one that is no service's */
export function serviceAddress(text: string): string {
  if (isServiceAddress(text)) return new URL(text).origin;
  const reason = `--server must be an https address (http only on this host's loopback), not ${text}`;
  throw new SutureError("invalid-request", reason);
}
