import { SutureError } from "../../protocol/errors.ts";
import { type FileDigest, filesOf, readMetadata } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, Recalls } from "../../protocol/wire/patch.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { AcceptedRole } from "../stores/roles.ts";

type Deps = { patches: PatchesStore; blobs: Blobs; now: () => number };
const recallsFile = "recalls.json";

/**
 * Records which patches are live, superseded and withdrawn, as the published roles say. Saying it twice changes nothing.
 */
export async function recordPatches(
  vendor: string,
  roles: ReadonlyMap<string, AcceptedRole>,
  deps: Deps,
): Promise<void> {
  for (const [name, role] of roles) {
    const [product, channel] = name.split(".");
    if (channel === undefined) continue;
    await recordStream(
      `${vendor}/${product}/${channel}`,
      vendor,
      filesOf(readMetadata("targets", role.body).signed),
      deps,
    );
  }
}

async function recordStream(stream: string, vendor: string, files: Map<string, FileDigest>, deps: Deps): Promise<void> {
  const recorded = await collect((page) => deps.patches.listByStream(stream, { ...page, consistent: true }));
  const states = new Map(recorded.map((patch) => [patch.id, patch.state]));
  for (const [path, file] of files) {
    const id = `${vendor}/${path.replace(/\.json$/, "")}`;
    if (path.endsWith(`/${recallsFile}`) || states.get(id) === "live") continue;
    const manifest = parseJson(Manifest, await readTarget(vendor, path, file, deps.blobs), path, "invalid-patch");
    const { sha256: manifestSha256, length: manifestLength } = file;
    await deps.patches.put({ id, manifest, manifestSha256, manifestLength, state: "live", liveAt: deps.now() });
  }

  const recalls = await readRecalls(stream, vendor, files, deps.blobs);
  for (const { patch, reason } of recalls) {
    const state = states.get(`${stream}/${patch}`);
    if (state === "withdrawn" || state === undefined) continue;
    await deps.patches.markWithdrawn(`${stream}/${patch}`, { at: deps.now(), reason });
  }
  const recalled = new Set(recalls.map(({ patch }) => `${stream}/${patch}`));
  for (const patch of recorded) {
    // Gone from the role without a recall: no longer offered, but nothing to undo
    const gone = patch.state === "live" && !files.has(`${patch.id.slice(vendor.length + 1)}.json`);
    if (gone && !recalled.has(patch.id)) await deps.patches.put({ ...patch, state: "superseded" });
  }
}

async function readRecalls(stream: string, vendor: string, files: Map<string, FileDigest>, blobs: Blobs) {
  const path = `${stream.slice(vendor.length + 1)}/${recallsFile}`;
  const file = files.get(path);
  if (file === undefined) return [];
  return parseJson(Recalls, await readTarget(vendor, path, file, blobs), path, "invalid-patch").recalls;
}

async function readTarget(vendor: string, path: string, file: FileDigest, blobs: Blobs): Promise<string> {
  const found = await blobs.get(`tuf/${vendor}/${targetFileName(path, file.sha256)}`);
  if (found === undefined) throw new SutureError("internal", `The target ${path} of ${vendor} is lost`);
  return Buffer.from(found.bytes).toString("utf8");
}
