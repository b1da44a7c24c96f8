import { newest } from "../protocol/newest.ts";
import { replaces } from "../protocol/replaces.ts";
import { type PatchRef, parsePatchId, patchId } from "../protocol/wire/names.ts";
import type { Manifest } from "../protocol/wire/patch.ts";
import { PatchDetail, PatchList, type PatchView } from "../protocol/wire/vendor.ts";
import { at, atPatch, type Client, everyPage, patchOf, read } from "./client.ts";
import type { RoleContent } from "./role-edit.ts";

/** What the service knows of a patch and of those that may stand for it. `patch` is undefined where it never was live. */
export type KnownVersions = { patch: PatchDetail | undefined; others: readonly PatchDetail[] };

/**
 * Reads a patch, and what of its channel it took the place of, by name or by `supersedes`; for one that is live no more also what is live.
 * @throws SutureError what the service answers
 */
export async function knownVersions(client: Client, ref: PatchRef): Promise<KnownVersions> {
  const own = patchId(ref);
  const stream = own.slice(0, own.lastIndexOf("/") + 1);
  const all = await everyPage(async (query) => {
    const { patches: items, cursor } = await read(
      client.api.vendors[":vendor"].patches.$get({ param: at({ vendor: ref.vendor }), query }),
      PatchList,
    );
    return { items, cursor };
  });
  const ofStream = new Map(all.filter(({ id }) => id.startsWith(stream)).map((each) => [each.id, each]));
  const isLive = ofStream.get(own)?.state === "live";
  const wanted = [...ofStream.values()].filter(
    (each) => parsePatchId(each.id).patch === ref.patch || (!isLive && each.state === "live"),
  );
  const found = new Map<string, PatchDetail>();
  for (let next: PatchView[] = wanted; next.length > 0; ) {
    for (const { id } of next) found.set(id, await read(patchOf(client).$get({ param: at(atPatch(id)) }), PatchDetail));
    const named = next.flatMap(({ id }) => found.get(id)?.manifest.supersedes ?? []);
    next = [...new Set(named)].flatMap((name) => {
      const { patch } = parsePatchId(`${stream}${name}`);
      // What came before a superseded version by its name may be what is left of it
      return [...ofStream.values()].filter(({ id }) => parsePatchId(id).patch === patch && !found.has(id));
    });
  }
  const patch = found.get(own);
  found.delete(own);
  return { patch, others: [...found.values()] };
}

/**
 * The versions that could be live again in the place of a patch that is withdrawn: the newest good ones of what it took the place of,
 * itself or by others that are withdrawn. None where something that is live stands for it already.
 * @param content what the channel's role says now: what it names is live, and what it recalls is withdrawn
 */
export function formerVersions(
  ref: PatchRef,
  { patch, others }: KnownVersions,
  { files, recalls }: RoleContent,
): PatchDetail[] {
  const withdrawn = {
    id: patchId(ref),
    manifest: patch?.manifest ?? ({ supersedes: [] } as Pick<Manifest, "supersedes">),
  };
  const live = others.filter(({ id }) => files.has(fileOf(id)));
  const prefix = `${ref.product}/${ref.channel}/${ref.patch}@`;
  const hasOther = [...files.keys()].some((path) => path.startsWith(prefix) && path !== fileOf(withdrawn.id));
  if (hasOther || live.some((each) => replaces(each, withdrawn.id) || replaces(withdrawn, each.id))) return [];
  const before: (typeof withdrawn | PatchDetail)[] = [withdrawn];
  // Grows while it is walked: what came before those that came before
  for (const one of before)
    before.push(
      ...others.filter((other) => replaces(one, other.id) && !before.includes(other) && !live.includes(other)),
    );
  const recalled = new Set(recalls.map((each) => each.patch));
  const good = others.filter((other) => before.includes(other) && !recalled.has(nameOf(other.id)));
  return newest(good).filter(({ id }) => !live.some((each) => replaces(each, id)));
}

/** Where the role names a patch: its path in the vendor's repository. */
function fileOf(id: string): string {
  return `${id.slice(id.indexOf("/") + 1)}.json`;
}

function nameOf(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}
