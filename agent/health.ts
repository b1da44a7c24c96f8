import { connect } from "node:net";
import { describeError } from "../protocol/errors.ts";
import type { HealthCheck } from "../protocol/wire/patch.ts";
import type { Http } from "./system/http.ts";

/** A probe that takes longer has failed; milliseconds. */
const probeTimeout = 2_000;

/** Probes one health check: undefined where it is well, else what is wrong. */
export type Probe = (check: HealthCheck) => Promise<string | undefined>;

/** Probes on this host's loopback. */
export function loopbackProbe(http: Http): Probe {
  return async (check) => {
    try {
      if (check.kind === "tcp") return await connects(check.port);
      const { status } = await http({ method: "GET", url: check.url, maxBytes: 1024 * 1024, timeout: probeTimeout });
      return status >= 200 && status < 300 ? undefined : `${check.url} answered ${status}`;
    } catch (error) {
      return describeError(error);
    }
  };
}

function connects(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: probeTimeout });
    const end = (verdict: string | undefined) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`port ${port} does not answer`));
    socket.once("error", (error) => end(`port ${port}: ${error.message}`));
  });
}
