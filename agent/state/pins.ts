import { join } from "node:path";
import { z } from "zod";
import { PatchId } from "../../protocol/wire/names.ts";
import { cacheFile, type JsonFile } from "./json-file.ts";

/** The patches that an administrator of this host wants to keep as they are: what would take their place is held. */
const Pins = z.array(PatchId);

/** The pins' file. */
export function pinsFile(directory: string): JsonFile<string[]> {
  return cacheFile(join(directory, "pins.json"), Pins);
}
