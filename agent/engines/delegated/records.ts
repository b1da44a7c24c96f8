import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { PatchId } from "../../../protocol/wire/names.ts";
import { jsonFile } from "../../state/json-file.ts";
import { makePrivateDirectory, namesIn } from "../../system/files.ts";

/** How far an order has come: staged → applying → applied → undoing → no record. Each is written before its step is taken. */
const OrderRecord = z.strictObject({
  patch: PatchId,
  stage: z.enum(["staged", "applying", "applied", "undoing"]),
  /** the level that was ordered */
  level: z.string(),
  /** what was in before, so that no more is taken out than came in */
  before: z.array(z.string()),
  /** what came in for it; what is not known yet is told from `before` */
  added: z.array(z.string()).nullable(),
  /** when the client was last told to bring it; milliseconds since the epoch */
  orderedAt: z.number().int(),
});
export type OrderRecord = z.infer<typeof OrderRecord>;

/** What this agent ordered of a client, a file each. */
export type OrderRecords = {
  all(): OrderRecord[];
  of(patch: string): OrderRecord | undefined;
  /** Returns once it is on the disk. */
  write(record: OrderRecord): void;
  remove(record: OrderRecord): void;
};

export function openOrderRecords(directory: string): OrderRecords {
  makePrivateDirectory(directory);
  const file = (patch: string) =>
    jsonFile(join(directory, `${createHash("sha256").update(patch).digest("hex").slice(0, 32)}.json`), OrderRecord);
  return {
    all: () => namesIn(directory, ".json").flatMap((name) => jsonFile(join(directory, name), OrderRecord).read() ?? []),
    of: (patch) => file(patch).read(),
    write: (record) => file(record.patch).write(record),
    remove: (record) => file(record.patch).remove(),
  };
}
