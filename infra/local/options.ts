import { parseArgs } from "node:util";
import { SutureError } from "../../protocol/errors.ts";

export type Options = { port: number; dataDir: string; reset: boolean; once: boolean; json: boolean; help: boolean };

export const usage = `Usage: npm start [-- OPTIONS]

Starts the embedded service, a sample vendor (acme), a sample customer (globex), a server with a flaw under load, and an agent.
The vendor publishes the fix; the agent applies it while the server serves.

  --port N     port on 127.0.0.1 (default 4780)
  --data DIR   where everything is kept (default .suture); it survives a restart
  --reset      empty DIR first
  --once       do it all, withdraw the patch again, wait for the undo, stop, and exit 0 only when everything held
  --json       end with one JSON object on the last line (with --once)
  --help       this text

The demonstration polls every second; a subscriber's agent polls every 15 minutes.`;

/**
 * Reads the command line of `npm start`.
 * @throws SutureError `invalid-request` for an option that is not known or a port that is none
 */
export function readOptions(args: readonly string[]): Options {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (cause) {
    throw new SutureError("invalid-request", `${cause instanceof Error ? cause.message : "Unusable options"}`, {
      cause,
    });
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SutureError("invalid-request", `--port ${values.port} is no port: 0 to 65535`);
  }
  return { port, dataDir: values.data, reset: values.reset, once: values.once, json: values.json, help: values.help };
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "4780" },
      data: { type: "string", default: ".suture" },
      reset: { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return values;
}
