import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { OutcomeCode } from "../../protocol/wire/host.ts";
import { PatchId, Sha256 } from "../../protocol/wire/names.ts";
import { PartlyApplied } from "../../protocol/wire/partial.ts";
import { Manifest, Variant } from "../../protocol/wire/patch.ts";
import type { VerifiedPatch } from "../engines/engine.ts";
import { makePrivateDirectory, namesIn, readBytes, removeDurably, writeDurably } from "../system/files.ts";
import { jsonFile } from "./json-file.ts";

/** What was verified when a patch was installed; enough to apply it again without the network. `at` in seconds since the epoch. */
const Verified = z.object({
  at: z.number().int(),
  title: z.string(),
  variants: z.array(Variant).min(1),
  health: Manifest.shape.health,
});

/** What the agent knows of one patch. Times are seconds since the epoch. */
export const PatchRecord = z.object({
  patch: PatchId,
  /** SHA-256 of its manifest, in hexadecimal */
  manifest: Sha256,
  state: OutcomeCode,
  since: z.number().int(),
  detail: z.string(),
  /** the plan that last decided; 0 where a person on the host did */
  planSeq: z.number().int().min(0),
  /** null where nothing is kept of it */
  verified: Verified.nullable(),
  /** the boot in which it was last put in, as the how-many-th patch of this host */
  boot: z.object({ id: z.string(), order: z.number().int() }).optional(),
  /** the patches that it took the place of while they were in, kept so that whoever undoes it puts them back */
  former: z.array(z.object({ patch: PatchId, manifest: Sha256, verified: Verified })).optional(),
  /** how many processes of its build have it and lack it; absent where none lacks it */
  partial: PartlyApplied.optional(),
  /** what the service was told last of whether a process lacks it, and when */
  partialTold: z.object({ isPartial: z.boolean(), at: z.number().int() }).optional(),
  /** until then its health is watched; null where that is over */
  watchUntil: z.number().int().nullable(),
  /** where it was in when the watch began, as `targetsOf` names them */
  watched: z.array(z.string()).optional(),
  /** the services that those belonged to, and how often systemd had restarted each by then */
  units: z.array(z.object({ name: z.string(), restarts: z.number().int() })).optional(),
  /** how many of the watched processes have ended */
  lost: z.number().int().optional(),
  /** since when none of them is left */
  goneSince: z.number().int().optional(),
  /** how often all of them were replaced within the window: for no known reason, and at all */
  restarts: z.number().int().optional(),
  extensions: z.number().int().optional(),
  /** the health checks that passed since a reboot or a restart; absent where each counts from the start */
  seenWell: z.array(z.string()).optional(),
  /** what it becomes once it can be undone; null where nobody undoes it */
  undoAs: z.enum(["undone", "quarantined"]).nullable(),
});
export type PatchRecord = z.infer<typeof PatchRecord>;

const Hold = z.object({
  patch: PatchId,
  at: z.number().int(),
  /** the pinned patch in whose place it would have gone; absent where a person named it */
  pin: PatchId.optional(),
});
/** An administrator's word that a patch stays away from this host. */
type Hold = z.infer<typeof Hold>;

/** Patches of which nothing is on the host are forgotten beyond this many. */
const keptRecords = 500;

/** What the agent knows of patches: a record each, the verified payloads, the administrator's holds, and the known recalls. */
export type PatchesStore = {
  all(): PatchRecord[];
  get(patch: string): PatchRecord | undefined;
  put(record: PatchRecord): void;
  /**
   * Keeps what was verified, for a patch whose record comes next; all of it is on the disk before this returns.
   * @throws SutureError `no-space`, and none is kept
   */
  putPayloads(variants: readonly VerifiedPatch[]): void;
  /** what all kept payloads take */
  payloadBytes(): number;
  /** Lets go of the payloads that have been kept longest of those that nothing on the host needs. False where there are none. */
  forgetOldest(): boolean;
  /** A kept payload, its digest checked again; undefined where it is gone or not what it was. */
  payload(sha256: string): Uint8Array | undefined;
  holds(): Hold[];
  hold(hold: Hold): void;
  release(patch: string): void;
  /** Patches that verified recalls name. The set only grows. */
  recalled(): ReadonlySet<string>;
  addRecalled(patches: readonly string[]): void;
  /** where holds are written, to watch */
  holdsDirectory: string;
};

/** Opens the store, making its directories. */
export function patchesStore(directory: string): PatchesStore {
  const [records, payloads, holds] = ["patches", "payloads", "holds"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [records, payloads, holds]) makePrivateDirectory(each);
  const recordFile = (patch: string) => jsonFile(join(records, fileName(patch)), PatchRecord);
  const holdFile = (patch: string) => jsonFile(join(holds, fileName(patch)), Hold);
  const recalls = jsonFile(join(directory, "recalled.json"), z.array(PatchId));
  const readAll = <S extends z.ZodType>(folder: string, schema: S) =>
    namesIn(folder, ".json").flatMap((name) => jsonFile(join(folder, name), schema).read() ?? []);
  const all = () => readAll(records, PatchRecord);

  const payload = (sha256: string) => {
    const bytes = readBytes(join(payloads, sha256));
    return bytes !== undefined && createHash("sha256").update(bytes).digest("hex") === sha256 ? bytes : undefined;
  };
  /** payloads of patches that are being applied, each with its patch: no record names them yet */
  const coming = new Map<string, string>();
  const sweep = () => {
    const known = all();
    const gone = known.filter((record) => !isOnHost(record)).sort((one, other) => other.since - one.since);
    for (const { patch } of gone.slice(keptRecords)) recordFile(patch).remove();
    const used = new Set([...known.flatMap((record) => payloadsOf(record)), ...coming.keys()]);
    for (const name of namesIn(payloads, "")) if (!used.has(name)) removeDurably(join(payloads, name));
  };

  return {
    all,
    get: (patch) => recordFile(patch).read(),
    put(record) {
      recordFile(record.patch).write(record);
      for (const [sha256, patch] of coming) if (patch === record.patch) coming.delete(sha256);
      if (!isOnHost(record)) sweep();
    },
    putPayloads(variants) {
      try {
        for (const { variant, payload: bytes } of variants) {
          const { sha256 } = variant.bundle.payload;
          // One that is there needs no room, which a patch that is put back may not have
          if (payload(sha256) === undefined) writeDurably(join(payloads, sha256), bytes);
        }
      } catch (error) {
        sweep();
        throw error;
      }
      for (const { id, variant } of variants) coming.set(variant.bundle.payload.sha256, id);
    },
    payloadBytes: () => namesIn(payloads, "").reduce((sum, name) => sum + statSync(join(payloads, name)).size, 0),
    forgetOldest() {
      const unneeded = all().filter((record) => isKeptInCase(record) && payloadsOf(record).length > 0);
      const [oldest] = unneeded.sort((one, other) => one.since - other.since);
      if (oldest === undefined) return false;
      recordFile(oldest.patch).write({ ...oldest, verified: null, former: [] });
      sweep();
      return true;
    },
    payload,
    holds: () => readAll(holds, Hold),
    hold: (hold) => holdFile(hold.patch).write(hold),
    release: (patch) => holdFile(patch).remove(),
    recalled: () => new Set(recalls.read() ?? []),
    addRecalled(patches) {
      const known = new Set(recalls.read() ?? []);
      const before = known.size;
      for (const patch of patches) known.add(patch);
      if (known.size > before) recalls.write([...known]);
    },
    holdsDirectory: holds,
  };
}

/** Whether something of the patch may be in effect on the host. */
export function isOnHost(record: Pick<PatchRecord, "state">): boolean {
  return record.state === "applied" || record.state === "undo-pending";
}

/** Not in, but kept for a kernel that may be booted again, or for a person to force. A plan brings it anew. */
function isKeptInCase({ state }: PatchRecord): boolean {
  return state === "not-applicable" || state === "stalled";
}

/** The builds of programs and libraries that patches are in. */
export function patchedBuilds(patches: Pick<PatchesStore, "all">): Set<string> {
  const variants = patches.all().flatMap((each) => (each.state === "applied" ? (each.verified?.variants ?? []) : []));
  return new Set(variants.flatMap((variant) => (variant.engine === "elf" ? [variant.match.buildId] : [])));
}

/** The builds that the patches which this host knows of are for, in whatever state they are. */
export function knownBuilds(patches: Pick<PatchesStore, "all">): Set<string> {
  const variants = patches.all().flatMap(({ verified }) => verified?.variants ?? []);
  return new Set(variants.flatMap((variant) => (variant.engine === "elf" ? [variant.match.buildId] : [])));
}

/**
 * The patch as its engine takes it, from what was verified when it was installed; one for each variant.
 * @throws SutureError `state-damaged` where a payload is gone or changed
 */
export function storedVariants(
  record: Pick<PatchRecord, "patch" | "verified">,
  store: Pick<PatchesStore, "payload">,
): VerifiedPatch[] {
  return (record.verified?.variants ?? []).map((variant) => {
    const payload = store.payload(variant.bundle.payload.sha256);
    if (payload === undefined)
      throw new SutureError("state-damaged", `The payload of ${record.patch} is not what was verified`);
    return { id: record.patch, variant, payload };
  });
}

const troubled: readonly PatchRecord["state"][] = ["failed", "blocked", "stalled", "quarantined", "undo-pending"];

/** Whether somebody should look at a patch: it is not as it was ordered, be it in some processes only. */
export function isTroubled({ state, partial }: Pick<PatchRecord, "state" | "partial">): boolean {
  return troubled.includes(state) || isPartlyApplied({ state, partial });
}

/** Whether a patch is applied while some process of its build lacks it. */
export function isPartlyApplied({ state, partial }: Pick<PatchRecord, "state" | "partial">): boolean {
  return state === "applied" && partial !== undefined;
}

/** Whether a patch is the kernel's, whose memory a reboot empties. */
export function isOfKernel({ verified }: Pick<PatchRecord, "verified">): boolean {
  return verified?.variants.some(({ engine }) => engine === "klp") ?? false;
}

function payloadsOf(record: PatchRecord): string[] {
  const kept = [record.verified, ...(record.former ?? []).map(({ verified }) => verified)];
  return kept.flatMap((verified) => (verified?.variants ?? []).map((variant) => variant.bundle.payload.sha256));
}

/** A patch id can be longer than a file's name may be. */
function fileName(patch: string): string {
  return `${createHash("sha256").update(patch).digest("hex").slice(0, 32)}.json`;
}
