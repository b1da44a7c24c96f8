import type { Command } from "commander";
import { action, type Io } from "../io.ts";
import { patchSchema } from "../patch-schema.ts";

export function schema(program: Command, io: Io): void {
  program
    .command("schema")
    .description("Print the JSON Schema of patch.json, for editors")
    .addHelpText("after", "\nExample:\n  $ suture schema > patch.schema.json")
    .action(
      action(io, async () => ({ json: patchSchema(), lines: JSON.stringify(patchSchema(), null, 2).split("\n") })),
    );
}
