import { join } from "node:path";
import { Waiting } from "../../protocol/wire/report.ts";
import { type JsonFile, jsonFile } from "./json-file.ts";

/** What the agent that runs waits for, at most some seconds old; gone when that came to an end. */
export function waitingFile(directory: string): JsonFile<Waiting> {
  return jsonFile(join(directory, "waiting.json"), Waiting);
}
