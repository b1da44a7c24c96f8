import { join } from "node:path";
import { Waiting } from "../../protocol/wire/report.ts";
import { cacheFile, type JsonFile } from "./json-file.ts";

/** What the agent that runs waits for, at most some seconds old; gone when that came to an end. */
export function waitingFile(directory: string): JsonFile<Waiting> {
  return cacheFile(join(directory, "waiting.json"), Waiting);
}
