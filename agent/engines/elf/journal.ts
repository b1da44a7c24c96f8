import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../../protocol/errors.ts";
import { BuildId } from "../../../protocol/wire/host.ts";
import { PatchId } from "../../../protocol/wire/names.ts";
import { makePrivateDirectory, namesIn, readBytes, removeDurably, writeDurably } from "../../system/files.ts";

const Address = z
  .number()
  .int()
  .min(4096)
  .max(2 ** 47);
const Range = z.strictObject({ name: z.string(), start: Address, end: Address });
const Bytes = z.string().regex(/^(?:[0-9a-f]{2})+$/);

const Entry = z.strictObject({ function: z.string(), at: Address, before: Bytes, after: Bytes });
/** The first bytes of a function, as a patch finds and as it leaves them. */
export type Entry = z.infer<typeof Entry>;

/** What a patch is in one process: where its memory lies, which bytes of the target change, and what nobody may be inside of. */
export const Placement = z.strictObject({
  patch: PatchId,
  buildId: BuildId,
  base: Address,
  size: z.number().int().min(4096),
  jumps: z.array(Entry).min(1),
  /** the target's functions, with their parts */
  replaced: z.array(Range),
  /** the payload's code */
  replacements: z.array(Range),
});
export type Placement = z.infer<typeof Placement>;

/**
 * The patches of which another has taken the place, as long as their memory is kept: until then its undo puts them back. Where the
 * patch's own placement counts as if they had never been, `entries` are what was changed in the one step: its functions and theirs.
 */
const Instead = z.strictObject({
  patches: z.array(PatchId).min(1),
  entries: z.array(Entry),
  /** the target's functions that they replace, with their parts */
  replaced: z.array(Range),
});
export type Instead = z.infer<typeof Instead>;

/**
 * How far a patch has come in one process. Each is written before its step is taken: mapping → staged → applying → applied →
 * undoing → releasing → no record.
 */
const Stage = z.enum(["mapping", "staged", "applying", "applied", "undoing", "releasing"]);
export type Stage = z.infer<typeof Stage>;

const JournalRecord = z.strictObject({
  ...Placement.shape,
  stage: Stage,
  pid: z.number().int().min(1),
  startTime: z.string(),
  bootId: z.string(),
  instead: Instead.optional(),
});
export type JournalRecord = z.infer<typeof JournalRecord>;

export type Journal = {
  /** Every record, of this boot or an earlier one. Throws `state-damaged`. */
  all(): JournalRecord[];
  /** Those of one process; reads no others. Throws likewise. */
  of(process: Pick<JournalRecord, "pid" | "startTime">): JournalRecord[];
  /** Returns once the record is on the disk. */
  write(record: JournalRecord): void;
  remove(record: JournalRecord): void;
};

/** The engine's records, one file for each patch, build and process, replaced as a whole. The directory is made, for its owner only. */
export function openJournal(directory: string): Journal {
  makePrivateDirectory(directory);
  const endOf = ({ pid, startTime }: Pick<JournalRecord, "pid" | "startTime">) => `-${pid}-${startTime}.json`;
  const pathOf = (record: JournalRecord) => {
    const name = createHash("sha256").update(`${record.patch} ${record.buildId}`).digest("hex").slice(0, 32);
    return join(directory, `${name}${endOf(record)}`);
  };
  const recordsWith = (end: string) =>
    namesIn(directory, end).flatMap((name) => readRecord(join(directory, name)) ?? []);
  return {
    all: () => recordsWith(".json"),
    of: (process) => recordsWith(endOf(process)),
    write: (record) => writeDurably(pathOf(record), JSON.stringify(record)),
    remove: (record) => removeDurably(pathOf(record)),
  };
}

/** Undefined where it was removed meanwhile. */
function readRecord(path: string): JournalRecord | undefined {
  try {
    const bytes = readBytes(path);
    return bytes && JournalRecord.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new SutureError("state-damaged", `${path} is no record of the elf engine`, { cause });
  }
}
