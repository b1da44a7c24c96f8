import type { Command } from "commander";
import { digestOf } from "../../protocol/trust/edit.ts";
import { VendorList, VendorView } from "../../protocol/wire/vendor.ts";
import { at, everyPage, read } from "../client.ts";
import { firstRootOf } from "../first-root.ts";
import { action, type Io } from "../io.ts";
import { asPublisher, signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";

/** `vendor list` and `vendor show`. */
export function vendorViews(group: Command, io: Io): void {
  group
    .command("list")
    .description("List the vendors")
    .addHelpText("after", "\nTakes an operator's token in SUTURE_TOKEN.\n\nExample:\n  $ suture vendor list")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const vendors = await everyPage(async (query) => {
          const { vendors: items, cursor } = await read(client.api.vendors.$get({ query }), VendorList);
          return { items, cursor };
        });
        const rows = vendors.map(({ vendor, title, createdAt }) => [vendor, title, minuteOf(createdAt)]);
        return { json: { vendors }, lines: table(["VENDOR", "TITLE", "SINCE (UTC)"], rows) };
      }),
    );
  group
    .command("show")
    .description("Show a vendor and the versions of what it signed")
    .argument("<name>", "the vendor's name")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText("after", "\nExample:\n  $ suture vendor show acme")
    .action(
      action(io, async (options, name: string) => {
        const { client } = await asPublisher(io, { ...options, vendor: name });
        const vendor = await read(client.api.vendors[":vendor"].$get({ param: at({ vendor: name }) }), VendorView);
        const root = await firstRootOf(client, name);
        const firstRoot = root === undefined ? null : `sha256:${digestOf(Buffer.from(root)).sha256}`;
        const rows = vendor.roles.map(({ role, version, acceptedAt }) => [role, String(version), minuteOf(acceptedAt)]);
        const pin = `First root, for hosts that pin it: ${firstRoot ?? "not public yet"}`;
        return {
          json: { ...vendor, firstRoot },
          lines: [...table(["ROLE", "VERSION", "SINCE (UTC)"], rows), "", pin],
        };
      }),
    );
}
