import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Config } from "../config/config.ts";
import { makePrivateDirectory } from "../system/files.ts";
import { run } from "./run.ts";

/** As the service is called in Windows' list. */
const serviceName = "SutureAgent";
const logFile = "service.log";

/** `suture-agent service`: `run` as a Windows service. Nobody reads a service's output: it goes to service.log in the state folder. */
export async function service({ config }: { config: Config }): Promise<void> {
  if (process.platform !== "win32")
    throw new SutureError("unsupported", "This is for Windows: elsewhere systemd starts suture-agent run");
  const { runAsService } = await import("../windows/service-control.ts");
  makePrivateDirectory(config.state);
  const log = createWriteStream(join(config.state, logFile), { flags: "a", mode: 0o600 });
  // A service may have none, and then even to look at them throws
  for (const name of ["stdout", "stderr"]) Object.defineProperty(process, name, { value: log });
  try {
    await runAsService(serviceName, (until) => run({ config, json: true, until }));
  } catch (error) {
    log.write(`${describeError(error)}\n`);
    process.exitCode = 1;
  }
  // The dispatcher's thread never ends by itself
  log.end(() => process.exit());
}
