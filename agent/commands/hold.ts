import { SutureError } from "../../protocol/errors.ts";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { readEnrolment } from "../state/identity.ts";
import { isOnHost, patchesStore } from "../state/patches.ts";
import { systemClock } from "../system/clock.ts";
import type { Result } from "./output.ts";

/**
 * `suture-agent hold PATCH`: keeps a patch away that is not in, whatever plans say, until `release`. Needs no network; the service is
 * told at the next check-in.
 * @throws SutureError `conflict` where the patch is in: that is `undo`'s
 */
export async function hold({ config, patch }: { config: Config; patch: string }): Promise<Result> {
  const { state } = config;
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const store = patchesStore(state);
  const record = store.get(id);
  if (record !== undefined && isOnHost(record)) {
    throw new SutureError("conflict", `${id} is in: \`suture-agent undo ${id}\` takes it out and holds it`);
  }
  store.hold({ patch: id, at: secondsOf(systemClock) });
  return {
    json: { patch: id, held: true },
    text: `${id} stays away from this host whatever plans say. \`suture-agent release ${id}\` ends that.`,
  };
}
