import { resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { Whoami } from "../../protocol/wire/account.ts";
import { Name, Sha256 } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { type Client, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { MirrorFolder } from "../mirror/folder.ts";
import { mirror } from "../mirror/mirror.ts";
import { signedIn } from "../session.ts";
import { sizeOf } from "../upload.ts";

type Options = GlobalOptions & { customer?: string; serviceRoot?: string };

export function mirrorVendor(program: Command, io: Io): void {
  program
    .command("mirror")
    .description("Keep a verified copy of a vendor's patches in a folder, for any web server or for a host to read")
    .argument("<vendor>", "whose patches")
    .argument("<folder>", "where to; a folder may have several vendors")
    .option("--customer <name>", "for whose subscriptions (default: the customer whose token it is)")
    .option(
      "--service-root <sha256>",
      "the service's first root, as enrolment tokens name it; checked on the first run",
    )
    .addHelpText(
      "after",
      `
Takes a customer's token, or an operator's with --customer. Everything is verified before it is written, only what changed is
fetched, and readers see the old state or the new one: run it from a timer, and again after it was cut off. Agents read the
folder, or the address that it is served under, after \`suture-agent config set mirror\`.

Example:
  $ suture mirror acme /srv/suture --service-root 9f86d08…`,
    )
    .action(action(io, (options, vendor: string, folder: string) => run(io, vendor, folder, options as Options)));
}

async function run(io: Io, given: string, folder: string, options: Options): Promise<Result> {
  const vendor = parseWith(Name, given, "vendor");
  const serviceRoot =
    options.serviceRoot === undefined ? undefined : parseWith(Sha256, options.serviceRoot, "--service-root");
  const client = await signedIn(io, options);
  const customer = await customerOf(client, options.customer);
  const progress = (line: string) => (io.watched ? io.err(`${line}\n`) : undefined);
  const directory = resolve(folder);
  const done = await mirror({
    vendor,
    folder: new MirrorFolder(directory),
    customer,
    serviceRoot,
    client,
    now: io.now(),
    progress,
  });
  const { files, bundles, bytes, left } = done;
  const news =
    files + bundles === 0 ? "is up to date" : `has ${files} new files and ${bundles} new bundles, ${sizeOf(bytes)}`;
  return {
    json: { vendor, customer, folder: directory, ...done },
    lines: [`${directory} ${news}.`],
    notes: [
      ...(left > 0 ? [`${left} bundles are in channels that ${customer} has no running subscription for.`] : []),
      ...(serviceRoot === undefined
        ? [`The service's first root is ${done.serviceRoot}: compare it with an enrolment token.`]
        : []),
    ],
  };
}

/**
 * Whose subscriptions count: the named customer's, or the token's own.
 * @throws SutureError `invalid-request` where it cannot be told
 */
export async function customerOf(client: Client, named: string | undefined): Promise<string> {
  if (named !== undefined) return parseWith(Name, named, "--customer");
  const { principal } = await read(client.api.whoami.$get(), Whoami);
  if (principal.kind === "customer") return principal.tenant;
  throw new SutureError("invalid-request", `The token is an ${principal.kind}'s: say for whom with --customer NAME`);
}
