import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../../protocol/errors.ts";
import { BuildId } from "../../../protocol/wire/host.ts";
import { PatchId } from "../../../protocol/wire/names.ts";

const Address = z
  .number()
  .int()
  .min(4096)
  .max(2 ** 47);
const Range = z.strictObject({ name: z.string(), start: Address, end: Address });
const Bytes = z.string().regex(/^(?:[0-9a-f]{2})+$/);

/** What a patch is in one process: where its memory lies, which bytes of the target change, and what nobody may be inside of. */
export const Placement = z.strictObject({
  patch: PatchId,
  buildId: BuildId,
  base: Address,
  size: z.number().int().min(4096),
  jumps: z.array(z.strictObject({ function: z.string(), at: Address, before: Bytes, after: Bytes })).min(1),
  /** the target's functions, with their parts */
  replaced: z.array(Range),
  /** the payload's code */
  replacements: z.array(Range),
});
export type Placement = z.infer<typeof Placement>;

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
});
export type JournalRecord = z.infer<typeof JournalRecord>;

export type Journal = {
  /** Every record, of this boot or an earlier one. Throws `state-damaged`. */
  all(): JournalRecord[];
  /** Returns once the record is on the disk. */
  write(record: JournalRecord): void;
  remove(record: JournalRecord): void;
};

/** The engine's records, one file for each patch and process, replaced as a whole. The directory is made, for its owner only. */
export function openJournal(directory: string): Journal {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (record: JournalRecord) => {
    const name = createHash("sha256").update(record.patch).digest("hex").slice(0, 32);
    return join(directory, `${name}-${record.pid}-${record.startTime}.json`);
  };
  return {
    all: () =>
      readdirSync(directory)
        .filter((name) => name.endsWith(".json"))
        .map((name) => readRecord(join(directory, name))),
    write(record) {
      const path = pathOf(record);
      const draft = `${path}.new`;
      writeDurably(draft, JSON.stringify(record));
      renameSync(draft, path);
      syncDirectory(directory);
    },
    remove(record) {
      rmSync(pathOf(record), { force: true });
      syncDirectory(directory);
    },
  };
}

function readRecord(path: string): JournalRecord {
  try {
    return JournalRecord.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new SutureError("state-damaged", `${path} is no record of the elf engine`, { cause });
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
