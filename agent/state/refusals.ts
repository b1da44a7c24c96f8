import { join } from "node:path";
import { Refusals } from "../../protocol/wire/refusal.ts";
import { cacheFile, type JsonFile } from "./json-file.ts";

/** What this host refused as a whole lately. What another release of the agent wrote there, and this one cannot read, is forgotten. */
export function refusalsFile(directory: string): JsonFile<Refusals> {
  return cacheFile(join(directory, "refusals.json"), Refusals);
}
