import { SutureError } from "../../protocol/errors.ts";
import { matchingVariants } from "../../protocol/match.ts";
import { inRequiredOrder, isSamePatch, newest } from "../../protocol/newest.ts";
import { replaces } from "../../protocol/replaces.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import type { OfflinePlan } from "../../protocol/wire/offline.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import type { PlanAction } from "../../protocol/wire/plan.ts";
import type { Agent } from "../agent.ts";
import { readManifest } from "../patches/resolve.ts";
import { isAway } from "../round/service.ts";
import { isOnHost } from "../state/patches.ts";
import { isRecalled } from "../trust/recalls.ts";
import type { Trust } from "../trust/trust.ts";

type Found = { id: string; manifest: Manifest; sha256: string };

/**
 * What of a group's plan is this host's: the newest of what fits it, in the order in which they need each other, and the undo of what
 * they replace. The service decides the same for hosts that it can ask (functions/domain/plan.ts), with the same functions.
 */
export async function ownActions(
  agent: Agent,
  actions: OfflinePlan["actions"],
  facts: HostFacts,
  trust: Trust,
): Promise<PlanAction[]> {
  const onHost = agent.patches.all().filter(isOnHost);
  const undos = actions.filter((action) => action.do === "undo");
  const leaving = new Set(undos.map(({ patch }) => patch));
  const found: Found[] = [];
  for (const action of actions) {
    if (action.do !== "apply" || onHost.some(({ patch }) => patch === action.patch || isSamePatch(patch, action.patch)))
      continue;
    try {
      if (await isRecalled(action.patch, trust, agent.patches)) continue;
      const manifest = await readManifest(parsePatchId(action.patch), action.manifest, trust);
      if (matchingVariants(manifest, facts).length > 0)
        found.push({ id: action.patch, manifest, sha256: action.manifest });
    } catch (error) {
      if (!(error instanceof SutureError) || isAway(error)) throw error;
      // Acting on it says what is wrong, and a receipt tells the service
      found.push({ id: action.patch, manifest: noManifest, sha256: action.manifest });
    }
  }
  const staying = onHost.map(({ patch }) => patch).filter((patch) => !leaving.has(patch));
  // No host goes back by itself: what is there may be newer than what the file has
  const fresh = newest(found).filter(({ id }) => !staying.some((patch) => isNewerVersion(patch, id)));
  const { ready } = inRequiredOrder(fresh, staying);
  const replaced = staying.filter((old) => ready.some((patch) => replaces(patch, old)));
  return [
    ...undos,
    ...replaced.map((patch) => ({ do: "undo", patch, because: "superseded" }) as const),
    ...ready.map(({ id, sha256 }) => ({ do: "apply", patch: id, manifest: sha256 }) as const),
  ];
}

const noManifest = { supersedes: [] as string[], requires: [] as string[] } as Manifest;

function isNewerVersion(there: string, other: string): boolean {
  return replaces({ id: there, manifest: { supersedes: [] } }, other);
}
