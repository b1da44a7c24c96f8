import type { Command } from "commander";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { VendorStopView } from "../../protocol/wire/recalls.ts";
import { at, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { notPublicYet, untilPublic } from "../until-public.ts";

type Options = GlobalOptions & { reason: string };

/** `vendor stop` and `vendor resume`: the operator's emergency stop. */
export function vendorStop(group: Command, io: Io): void {
  const verbs = [
    { verb: "stop", stopped: true, does: "Stop a vendor in an emergency: nothing of it is newly applied anywhere" },
    { verb: "resume", stopped: false, does: "Lift the emergency stop of a vendor" },
  ] as const;
  for (const { verb, stopped, does } of verbs) {
    group
      .command(verb)
      .description(does)
      .argument("<name>", "the vendor's name")
      .requiredOption("--reason <text>", "why; it stands in the signed statement and in the log")
      .addHelpText(
        "after",
        `
What is applied stays; take it out with \`suture recall\`. Agents hold to the signed statement whatever a plan says.
Takes an operator's token in SUTURE_TOKEN.

Example:
  $ suture vendor ${verb} acme --reason "Its publishing key ${stopped ? "was stolen" : "is a new one"}"`,
      )
      .action(action(io, (options, name: string) => run(io, name, stopped, options as Options)));
  }
}

async function run(io: Io, name: string, stopped: boolean, options: Options): Promise<Result> {
  const param = at({ vendor: parseWith(Name, name, "name") });
  const { stop: of } = (await signedIn(io, options)).api.vendors[":vendor"];
  const first = await read(of.$put({ param, json: { stopped, reason: options.reason } }), VendorStopView);
  const view = await untilPublic(first, () => read(of.$get({ param }), VendorStopView), io);
  const said = stopped ? "is stopped: nothing of it is newly applied." : "is not stopped any more.";
  return { json: view, lines: [`${view.vendor} ${said}`], notes: view.public ? [] : [notPublicYet] };
}
