import { SutureError } from "../../protocol/errors.ts";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Config } from "../config/config.ts";
import { readEnrolment } from "../state/identity.ts";
import { isOnHost, patchesStore } from "../state/patches.ts";
import { pinsFile } from "../state/pins.ts";
import type { Result } from "./output.ts";

type Options = { config: Config; patch: string };

/**
 * `suture-agent pin PATCH`: keeps a patch that is in as it is: nothing takes its place until `unpin`. A signed recall and a policy still
 * take it out. Needs no network; the service is told at the next check-in.
 * @throws SutureError `unknown-patch` where the patch is not in
 */
export async function pin({ config: { state }, patch }: Options): Promise<Result> {
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const record = patchesStore(state).get(id);
  if (record === undefined || !isOnHost(record)) {
    throw new SutureError("unknown-patch", `${id} is not in: \`suture-agent hold ${id}\` keeps a patch away`);
  }
  const file = pinsFile(state);
  file.write([...new Set([...(file.read() ?? []), id])]);
  return {
    json: { patch: id, pinned: true },
    text: `${id} stays as it is; what would take its place is held. \`suture-agent unpin ${id}\` ends that.`,
  };
}

/** `suture-agent unpin PATCH`: ends that, and what was held for it; the next plan decides. */
export async function unpin({ config: { state }, patch }: Options): Promise<Result> {
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const file = pinsFile(state);
  const pins = file.read() ?? [];
  if (!pins.includes(id)) throw new SutureError("unknown-patch", `This host does not pin ${id}`);
  file.write(pins.filter((each) => each !== id));
  const store = patchesStore(state);
  const held = store.holds().filter((hold) => hold.pin === id);
  for (const hold of held) store.release(hold.patch);
  const released = held.map((hold) => hold.patch);
  return {
    json: { patch: id, pinned: false, released },
    text: [
      `${id} is not pinned any more; the next plan decides.`,
      ...released.map((each) => `No longer held: ${each}`),
    ].join("\n"),
  };
}
