import type { Command } from "commander";
import { patchId } from "../../protocol/wire/names.ts";
import { PatchHoldView } from "../../protocol/wire/rollout.ts";
import { at, atPatch, patchOf, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { answer?: string };

/** `hold show`, `hold set`, `hold release`. */
export function hold(group: Command, io: Io): void {
  const verbs = [
    { verb: "show", does: "Say whether a patch is held for everyone, and how many customers halted it" },
    { verb: "set", does: "Stop a patch for everyone, without withdrawing it", held: true },
    { verb: "release", does: "Answer those who halted a patch, and let it go on", held: false },
  ] as const;
  for (const { verb, does, ...change } of verbs) {
    const command = group
      .command(verb)
      .description(does)
      .argument("<patch>", "[vendor/]product/channel/patch@version")
      .option("--vendor <name>", "which vendor, where there are several")
      .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
      .addHelpText("after", `\nExample:\n  $ suture hold ${verb} echod/stable/bounds-check@4`);
    if ("held" in change) command.requiredOption("--answer <text>", "why, for the customers");
    command.action(
      action(io, (options, patch: string) => run(io, patch, "held" in change ? change.held : undefined, options)),
    );
  }
}

async function run(io: Io, path: string, held: boolean | undefined, options: Options): Promise<Result> {
  const { client, ref } = await asPublisherOf(io, path, options);
  const param = at(atPatch(patchId(ref)));
  const { hold: of } = patchOf(client);
  const { answer = "" } = options;
  const view = await read(
    held === undefined ? of.$get({ param }) : of.$put({ param, json: { held, answer } }),
    PatchHoldView,
  );
  const state = view.held ? "held for everyone" : "not held";
  return { json: view, lines: [`${view.patch} is ${state}; ${view.halts} customers halted it since the last answer.`] };
}
