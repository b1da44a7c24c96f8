import { join } from "node:path";
import { z } from "zod";
import { PatchId } from "../../protocol/wire/names.ts";
import { type JsonFile, jsonFile } from "./json-file.ts";

/** The patches that an administrator of this host wants to keep as they are: what would take their place is held. */
const Pins = z.array(PatchId);

/** The pins' file. */
export function pinsFile(directory: string): JsonFile<string[]> {
  return jsonFile(join(directory, "pins.json"), Pins);
}
