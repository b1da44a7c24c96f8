import { join } from "node:path";
import { z } from "zod";
import { type JsonFile, jsonFile } from "./json-file.ts";
import { PatchRecord } from "./patches.ts";

/** What the agent is about to do to one patch: written before each step, gone when its end is on the disk. */
export const Intent = z.object({
  action: z.enum(["apply", "undo"]),
  step: z.enum(["check", "stage", "apply", "undo"]),
  /** as it will stand if the apply succeeds, or as it stood before the undo */
  record: PatchRecord,
});
export type Intent = z.infer<typeof Intent>;

/** The journal's one entry: the agent does one thing at a time. */
export function journalFile(directory: string): JsonFile<Intent> {
  return jsonFile(join(directory, "journal.json"), Intent);
}
