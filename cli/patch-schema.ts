import { z } from "zod";
import { PatchSource } from "../protocol/wire/patch.ts";

/** The JSON Schema of what a vendor writes as `patch.json`. docs/patch.schema.json is its copy. */
export function patchSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(PatchSource, { io: "input" });
  return { $schema, $id: "urn:suture:patch.schema.json", title: "A Suture patch (patch.json)", ...schema };
}
