import type { Command } from "commander";
import { SutureError } from "../protocol/errors.ts";
import { Name } from "../protocol/wire/names.ts";
import { parseWith } from "../protocol/wire/parse.ts";
import type { Client } from "./client.ts";
import type { Io } from "./io.ts";
import { asPublisher, signedIn } from "./session.ts";
import type { VendorOptions } from "./vendor-folder.ts";

export type TenantOptions = VendorOptions & { customer?: string };

/** Adds the options that say whose: a customer's or a vendor's. */
export function whose(command: Command): Command {
  return command
    .option("--customer <name>", "a customer's")
    .option("--vendor <name>", "a vendor's")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)");
}

/**
 * A client, and the path of the tenant that the options name.
 * @throws SutureError `invalid-request` where they name none or two; `unauthorized`
 */
export async function tenantOf(
  io: Io,
  options: TenantOptions,
): Promise<{ client: Client; path: string; name: string }> {
  const { customer, vendor } = options;
  if ((customer === undefined) === (vendor === undefined)) {
    throw new SutureError("invalid-request", "Say whose: --customer NAME or --vendor NAME");
  }
  if (customer !== undefined) {
    const name = parseWith(Name, customer, "--customer");
    return { client: await signedIn(io, options), path: `/v1/customers/${name}`, name };
  }
  const name = parseWith(Name, vendor, "--vendor");
  const { client } = await asPublisher(io, options);
  return { client, path: `/v1/vendors/${name}`, name };
}
