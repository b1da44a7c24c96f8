import { join } from "node:path";
import { z } from "zod";
import { cacheFile, type JsonFile } from "./json-file.ts";

const Seconds = z.number().int();

/** What was seen of a patched program; see incidents/crash-loop.ts. Times are seconds since the epoch. */
export const SeenProgram = z.object({
  /** its processes that no other of them started */
  leaders: z.array(z.object({ pid: z.number().int(), startedAt: Seconds })),
  /** whether one was ever seen that lives on */
  ranSteadily: z.boolean(),
  /** when one ended last; null where none did */
  endedAt: Seconds.nullable(),
  /** when those ended, of late, that had lived shortly */
  shortLives: z.array(Seconds),
  /** when its crash loop was told last; null where there was none */
  toldAt: Seconds.nullable(),
});
export type SeenProgram = z.infer<typeof SeenProgram>;

/** What the agent saw of this host at its last look, to know trouble by the difference. */
export const Sightings = z.object({
  bootId: z.string(),
  /** when this boot was seen first */
  since: Seconds,
  /** whether an agent stayed, and was not asked to stop */
  running: z.boolean(),
  /** whether the host was shutting down when the agent was asked to stop */
  hostStopping: z.boolean().optional(),
  /** the kernel's oopses of that boot */
  oopses: z.number().int(),
  /** by the build-ids that the patches are for */
  programs: z.record(z.string(), SeenProgram),
});
export type Sightings = z.infer<typeof Sightings>;

/** The file of the last look. */
export function sightingsFile(directory: string): JsonFile<Sightings> {
  return cacheFile(join(directory, "sightings.json"), Sightings);
}
