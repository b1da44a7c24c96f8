import { join } from "node:path";
import { z } from "zod";
import { ReleaseVersion } from "../../protocol/wire/agent-release.ts";
import { type JsonFile, jsonFile } from "../state/json-file.ts";

const mostFailures = 20;

/** What is known of releases that were tried on this host. */
export const UpdateRecord = z.object({
  /** the release that runs until it has proved itself, the folder of the one before it, and how many starts and rounds came to nothing */
  probation: z.object({ version: ReleaseVersion, from: z.string(), faults: z.number().int() }).nullable().default(null),
  /** the release whose trials came to nothing because the service did not answer, and how many */
  inconclusive: z.object({ version: ReleaseVersion, trials: z.number().int() }).nullable().default(null),
  /** never tried again; the newest last */
  failed: z.array(z.object({ version: ReleaseVersion, why: z.string() })).default([]),
});
export type UpdateRecord = z.infer<typeof UpdateRecord>;

/** The record's file. */
export function updateRecordFile(root: string): JsonFile<UpdateRecord> {
  return jsonFile(join(root, "update.json"), UpdateRecord);
}

/** The record with one more release that is never tried again. */
export function withFailure(record: UpdateRecord, version: string, why: string): UpdateRecord {
  const others = record.failed.filter((each) => each.version !== version);
  const failed = [...others, { version, why: why.slice(0, 500) }].slice(-mostFailures);
  return { ...record, inconclusive: null, failed };
}
