import type { Command } from "commander";
import { ExpiryList } from "../../protocol/wire/expiry.ts";
import { at, everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher, signedIn } from "../session.ts";
import { table } from "../table.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function expiry(program: Command, io: Io): void {
  program
    .command("expiry")
    .description("Show until when what is signed is valid, what ends first at the top")
    .option("--vendor <name>", "one vendor's; without it an operator sees everything")
    .option("--keys <folder>", "the vendor's folder")
    .addHelpText(
      "after",
      `
Owners hear at 60, 30 and 7 days, in their log of changes (\`suture audit\`). \`vendor renew\` and \`service
renew\` sign again; a channel that is published to renews itself.

Examples:
  $ suture expiry --vendor acme
  $ suture expiry --json | jq '.roles[] | select(.ending != "fine")'`,
    )
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: VendorOptions): Promise<Result> {
  const roles = await expiries(io, options);
  const rows = roles.map(({ repository, role, version, expires, ending, keys, threshold }) => [
    repository,
    role,
    String(version),
    expires.slice(0, 10),
    ending,
    `${threshold} of ${keys}`,
  ]);
  return {
    json: { roles },
    lines:
      rows.length === 0
        ? ["Nothing is signed yet."]
        : table(["REPOSITORY", "ROLE", "VERSION", "UNTIL", "STATE", "SIGNED BY"], rows),
  };
}

async function expiries(io: Io, options: VendorOptions): Promise<ExpiryList["roles"]> {
  if (options.vendor !== undefined || options.keys !== undefined) {
    const { client, vendor } = await asPublisher(io, options);
    return (await read(client.api.vendors[":vendor"].expiries.$get({ param: at({ vendor }) }), ExpiryList)).roles;
  }
  const { api } = await signedIn(io, options);
  const all = await everyPage(async (query) => {
    const { roles: items, cursor } = await read(api.expiries.$get({ query }), ExpiryList);
    return { items, cursor };
  });
  return all.toSorted((one, other) => (one.expires < other.expires ? -1 : 1));
}
