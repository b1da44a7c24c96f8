import { isDeepStrictEqual } from "node:util";
import { SutureError } from "../../protocol/errors.ts";
import { type Channel, PatchPath, patchId } from "../../protocol/wire/names.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { healthyRuns, wanted } from "../domain/promotion.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { StatesStore } from "../stores/states.ts";

type Deps = { patches: PatchesStore; states: StatesStore; now: () => Date };
const earlier: readonly Channel[] = ["beta", "edge"];

/**
 * Refuses a patch that is new on `stable` and was not well on enough machines of an earlier channel, for long enough. What ran there
 * must have been this very patch: the same manifest but for its channel. One that was live on `stable` before and comes back, as where
 * its successor is withdrawn, was let in when it first came.
 * @param texts new target files by path
 * @throws SutureError `no-evidence` with data `{ path, healthy, machines, hours }`
 */
export async function requireEvidence(vendor: string, texts: ReadonlyMap<string, string>, deps: Deps): Promise<void> {
  for (const [path, text] of texts) {
    if (!PatchPath.safeParse(path.replace(/\.json$/, "")).success) continue;
    const manifest = parseJson(Manifest, text, path, "invalid-patch");
    if (manifest.channel !== "stable" || (await deps.patches.get(patchId({ vendor, ...manifest }))) !== undefined)
      continue;
    const healthy = await healthyMachines(vendor, manifest, deps);
    if (healthy >= wanted.machines) continue;
    const { machines, seconds } = wanted;
    const hours = seconds / 3600;
    const detail =
      `${path}: it was well for ${hours} hours on ${healthy} machines of beta or edge, and stable wants ${machines}. ` +
      "Publish it on an earlier channel first, or give a reason to go without";
    throw new SutureError("no-evidence", detail, { data: { path, healthy, machines, hours } });
  }
}

/** On how many machines of earlier channels a patch has been well for long enough; counts no further than is wanted. */
export async function healthyMachines(vendor: string, manifest: Manifest, { patches, states, now }: Deps) {
  let healthy = 0;
  for (const channel of earlier) {
    const id = patchId({ vendor, ...manifest, channel });
    const published = await patches.get(id);
    if (published === undefined || published.state === "withdrawn") continue;
    if (!isDeepStrictEqual({ ...published.manifest, channel: manifest.channel }, manifest)) continue;
    let cursor: string | undefined;
    do {
      const page = await states.listByPatch(id, { limit: 1000, cursor });
      const untroubled = page.items.filter(({ trouble, partial }) => trouble === undefined && partial === undefined);
      const runs = untroubled.map(({ state, at }) => ({ state, at: at / 1000 }));
      healthy += healthyRuns(runs, now().getTime() / 1000);
      cursor = page.cursor;
    } while (cursor !== undefined && healthy < wanted.machines);
  }
  return healthy;
}
