import { join } from "node:path";
import { z } from "zod";
import { CheckInAnswer } from "../../protocol/wire/check-in.ts";
import { cacheFile, type JsonFile } from "./json-file.ts";

const KeptPlan = z.object({ plan: CheckInAnswer.shape.plan, downloads: CheckInAnswer.shape.downloads });
/** A verified plan as it was signed, and where its bundles are, until it was carried out. */
export type KeptPlan = z.infer<typeof KeptPlan>;

/** The file of the plan that is still to be carried out. */
export function keptPlanFile(directory: string): JsonFile<KeptPlan> {
  return cacheFile(join(directory, "plan.json"), KeptPlan);
}
