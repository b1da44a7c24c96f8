import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { isSutureError } from "../../../protocol/errors.ts";
import { BuildId } from "../../../protocol/wire/host.ts";
import { PatchId } from "../../../protocol/wire/names.ts";
import { makePrivateDirectory, namesIn, readBytes, removeDurably, setAside, writeDurably } from "../../system/files.ts";

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
 * How far a patch has come in one process. Each is written before its step is taken: mapping → staged → applying → applied → undoing →
 * resident (nothing leads to the payload, which stays mapped until the process ends). "releasing" is what agents up to 0.1 wrote before
 * they unmapped a payload that nothing led to.
 */
const Stage = z.enum(["mapping", "staged", "applying", "applied", "undoing", "resident", "releasing"]);
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

type Process = Pick<JournalRecord, "pid" | "startTime">;

export type Journal = {
  /** Every record of a patch that is on its way, applied or being undone, of this boot or an earlier one. */
  all(): JournalRecord[];
  /** Those of one process; reads no others. */
  of(process: Process): JournalRecord[];
  /** The records of resident payloads that nothing leads to, of all processes or of one. */
  residents(process?: Process): JournalRecord[];
  /** Returns once the record is on the disk. */
  write(record: JournalRecord): void;
  remove(record: JournalRecord): void;
};

/**
 * The engine's records, one file for each patch, build and process, replaced as a whole. Those of resident payloads end differently: an
 * older agent, should one be put back, knows nothing of them and need not. The directory is made, for its owner only.
 */
export function openJournal(directory: string): Journal {
  makePrivateDirectory(directory);
  const endOf = ({ pid, startTime }: Process, kind: string) => `-${pid}-${startTime}${kind}`;
  const pathOf = (record: JournalRecord, kind: string) => {
    const name = createHash("sha256").update(`${record.patch} ${record.buildId}`).digest("hex").slice(0, 32);
    return join(directory, `${name}${endOf(record, kind)}`);
  };
  const recordsWith = (end: string) =>
    namesIn(directory, end).flatMap((name) => readRecord(join(directory, name)) ?? []);
  const removeIfPresent = (path: string) => {
    if (existsSync(path)) removeDurably(path);
  };
  return {
    all: () => recordsWith(active),
    of: (process) => recordsWith(endOf(process, active)),
    residents: (process) => recordsWith(process ? endOf(process, resident) : resident),
    write(record) {
      const [kind, other] = record.stage === "resident" ? [resident, active] : [active, resident];
      writeDurably(pathOf(record, kind), JSON.stringify(record));
      removeIfPresent(pathOf(record, other));
    },
    remove(record) {
      for (const kind of [active, resident]) removeIfPresent(pathOf(record, kind));
    },
  };
}

const active = ".json";
const resident = ".resident";

/**
 * Undefined where it was removed meanwhile, or is damaged: that one is set aside. What a process has of a patch is in its own memory too,
 * from where it is taken again (`adoptFound`), so one damaged record keeps no other from being read.
 */
function readRecord(path: string): JournalRecord | undefined {
  try {
    const bytes = readBytes(path);
    return bytes && JournalRecord.parse(JSON.parse(bytes.toString("utf8")));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError || isSutureError(error, "state-damaged")))
      throw error;
    setAside(path);
    return undefined;
  }
}
