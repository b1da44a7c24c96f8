import { isSutureError, SutureError } from "../../protocol/errors.ts";
import type { Config } from "../config/config.ts";
import { openBundleFile } from "../mirror/bundle-file.ts";
import { importPlan } from "../offline/import.ts";
import { openAgent, withLock } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { isWatching } from "../patches/watch.ts";
import { printEvent } from "./events.ts";
import { exitCode, type Result } from "./output.ts";

/** `suture-agent import`: does what a file carried here by hand has for this host. */
export async function importFile({
  config,
  file,
  json,
}: {
  config: Config;
  file: string;
  json: boolean;
}): Promise<Result> {
  const { state } = config;
  const off = whyOff(state);
  if (off !== undefined) return { json: { ok: true, off }, text: `Switched off: ${off}.` };
  return await withLock(state, importUnderLock).catch((error: unknown) => {
    if (!isSutureError(error, "busy-agent")) throw error;
    const detail = "An agent runs here: stop it for the import, and start it again afterwards";
    throw new SutureError("conflict", detail, { cause: error });
  });

  async function importUnderLock(): Promise<Result> {
    if (!config.offline_plans) {
      const detail = "This host takes no plans that are carried by hand: suture-agent config set offline_plans true";
      throw new SutureError("forbidden", detail);
    }
    const agent = await openAgent(config, (event) => (json ? undefined : printEvent(event, false)), {
      isOnline: false,
    });
    const source = await openBundleFile(file);
    try {
      await recover(agent);
      await settle(agent);
      const { exp, results, acknowledged } = await importPlan(agent, source);
      while (isWatching(agent)) {
        await agent.clock.sleep(1_000);
        await settle(agent);
      }
      const done = ["applied", "already-applied", "undone", "held", "not-applicable"];
      const ok = results.every(
        ({ patch, code }) => done.includes(code) && agent.patches.get(patch)?.state !== "quarantined",
      );
      const until = new Date(exp * 1000).toISOString();
      const word =
        results.length === 0 ? "Nothing to do on this host." : ok ? "Done." : "Not everything was done; see above.";
      return {
        json: { ok, results, validUntil: until, acknowledged, waitingReceipts: agent.outbox.waiting().length },
        text: `${word} The plan is valid until ${until}.\nNext: suture-agent report export FILE, and carry it back.`,
        exit: ok ? exitCode.ok : exitCode.attention,
      };
    } finally {
      await source.close();
    }
  }
}
