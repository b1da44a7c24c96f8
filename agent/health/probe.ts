import { connect } from "node:net";
import { describeError } from "../../protocol/errors.ts";
import type { Http } from "../system/http.ts";
import { runCommand } from "./command.ts";

/** Something to be asked whether it is well, and for how long an answer is waited for. */
export type Check = { timeoutSeconds: number } & (
  | { kind: "command"; command: readonly string[] }
  | { kind: "tcp"; host: string; port: number }
  | { kind: "http"; url: string }
);

/** Asks once: undefined where it is well, else what is wrong, in words that do not vary without reason. */
export type Probe = (check: Check) => Promise<string | undefined>;

const maxAnswer = 1024 * 1024;

/** Asks for real: connects, requests or runs a program. */
export function hostProbe(http: Http): Probe {
  return async (check) => {
    try {
      const timeout = check.timeoutSeconds * 1000;
      if (check.kind === "command") return await runCommand(check.command, timeout);
      if (check.kind === "tcp") return await connects(check.host, check.port, timeout);
      const { status } = await http({ method: "GET", url: check.url, maxBytes: maxAnswer, timeout });
      return status >= 200 && status < 300 ? undefined : `${check.url} answered ${status}`;
    } catch (error) {
      return describeError(error);
    }
  };
}

function connects(host: string, port: number, timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const end = (verdict: string | undefined) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`port ${port} does not answer`));
    socket.once("error", (error) => end(`port ${port}: ${error.message}`));
  });
}
