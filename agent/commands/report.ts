import { SutureError } from "../../protocol/errors.ts";
import type { Config } from "../config/config.ts";
import { reportFile } from "../offline/report-file.ts";
import { openAgent, withLock } from "../open.ts";
import { writeDurably } from "../system/files.ts";
import type { Result } from "./output.ts";

/** `suture-agent report export`: writes what this host has to say into a file, to be carried to the service. */
export async function report({ config, verb, file }: { config: Config; verb: string; file: string }): Promise<Result> {
  if (verb !== "export") throw new SutureError("invalid-request", `There is report export, and no report ${verb}`);
  return await withLock(config.state, async () => {
    const agent = await openAgent(config, () => {}, { isOnline: false });
    const { receipts, ...content } = await reportFile(agent);
    writeDurably(file, JSON.stringify(content));
    return {
      json: { file, machine: content.machine, receipts },
      text: `${file}: ${receipts} receipts of ${content.machine}.\nNext, where the service is: suture report import ${file}`,
    };
  });
}
