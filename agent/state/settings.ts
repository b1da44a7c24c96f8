import { join } from "node:path";
import { z } from "zod";
import { type JsonFile, jsonFile } from "./json-file.ts";

/** What an administrator of this host decided about where patches come from. */
export const Settings = z.strictObject({
  /** an http address or a folder: a mirror that `suture mirror` keeps */
  mirror: z.string().nullable().default(null),
  /** whether plans that were carried here by hand are taken */
  offlinePlans: z.boolean().default(false),
});
export type Settings = z.infer<typeof Settings>;

/** The settings' file. */
export function settingsFile(directory: string): JsonFile<Settings> {
  return jsonFile(join(directory, "settings.json"), Settings);
}

/** The settings as they stand, those that nobody decided among them. */
export function readSettings(directory: string): Settings {
  return settingsFile(directory).read() ?? Settings.parse({});
}
