import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../../protocol/errors.ts";
import { PatchId, Sha256 } from "../../../protocol/wire/names.ts";
import { type JsonFile, jsonFile } from "../../state/json-file.ts";
import { makePrivateDirectory, namesIn, removeDurably, writeDurably } from "../../system/files.ts";

/**
 * How far a module has come: staged → applying → applied → undoing → no record; `replaced` where a cumulative one took its place,
 * `pinned` where it is out and the kernel keeps it loaded until a reboot. Each is written before its step is taken.
 */
const Stage = z.enum(["staged", "applying", "applied", "undoing", "replaced", "pinned"]);

const KlpRecord = z.strictObject({
  patch: PatchId,
  module: z.string(),
  stage: Stage,
  /** of the module file */
  sha256: Sha256,
  objects: z.array(z.string()),
  /** taint bits that it may set */
  taint: z.number().int(),
  stallSeconds: z.number().int(),
  /** nothing of it outlives the boot */
  bootId: z.string(),
  /** the kernel's taint and the last line of its log before the module went in */
  before: z.strictObject({ taint: z.number().int(), log: z.number().int() }),
  /** a forced transition: the kernel never lets its modules go */
  forced: z.boolean(),
  /** the module that took its place */
  replacedBy: z.string().nullable(),
});
export type KlpRecord = z.infer<typeof KlpRecord>;

export type Records = {
  all(): KlpRecord[];
  of(patch: string): KlpRecord | undefined;
  ofModule(module: string): KlpRecord | undefined;
  /** Returns once it is on the disk. */
  write(record: KlpRecord): void;
  /** Drops a record and its staged file. */
  remove(record: KlpRecord): void;
  putFile(record: KlpRecord, bytes: Uint8Array): void;
  /** Lends the staged file, open, once its bytes were found to be the verified ones. Throws `state-damaged`. */
  withFile<T>(record: KlpRecord, use: (file: number) => Promise<T>): Promise<T>;
};

/** The engine's records and staged modules, by the module's name: the kernel holds each name once. */
export function openRecords(directory: string): Records {
  makePrivateDirectory(directory);
  const file = (module: string): JsonFile<KlpRecord> => jsonFile(join(directory, `${module}.json`), KlpRecord);
  const staged = ({ module }: KlpRecord) => join(directory, `${module}.ko`);
  const all = () =>
    namesIn(directory, ".json").flatMap((name) => jsonFile(join(directory, name), KlpRecord).read() ?? []);
  return {
    all,
    of: (patch) => all().find((record) => record.patch === patch),
    ofModule: (module) => file(module).read(),
    write: (record) => file(record.module).write(record),
    remove(record) {
      removeDurably(staged(record));
      file(record.module).remove();
    },
    putFile: (record, bytes) => writeDurably(staged(record), bytes),
    async withFile(record, use) {
      const handle = openSync(staged(record), "r");
      try {
        const digest = createHash("sha256").update(readFileSync(handle)).digest("hex");
        if (digest !== record.sha256)
          throw new SutureError("state-damaged", `The staged module ${record.module} is not what was verified`);
        return await use(handle);
      } finally {
        closeSync(handle);
      }
    },
  };
}
