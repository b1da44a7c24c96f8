import type { Command } from "commander";
import { SutureError } from "../protocol/errors.ts";
import { Name } from "../protocol/wire/names.ts";
import { parseWith } from "../protocol/wire/parse.ts";
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
 * The path's parameters of the tenant that the options name.
 * @throws SutureError `invalid-request` where they name none or two
 */
export function tenantParam({ customer, vendor }: Pick<TenantOptions, "customer" | "vendor">) {
  if ((customer === undefined) === (vendor === undefined)) {
    throw new SutureError("invalid-request", "Say whose: --customer NAME or --vendor NAME");
  }
  return customer !== undefined
    ? ({ tenants: "customers", tenant: parseWith(Name, customer, "--customer") } as const)
    : ({ tenants: "vendors", tenant: parseWith(Name, vendor, "--vendor") } as const);
}

/**
 * A client, and the routes of the tenant that the options name, with the parameters of their paths.
 * @throws SutureError `invalid-request` where they name none or two; `unauthorized`
 */
export async function tenantOf(io: Io, options: TenantOptions) {
  const param = tenantParam(options);
  const client = param.tenants === "customers" ? await signedIn(io, options) : (await asPublisher(io, options)).client;
  return { client, tenant: client.api[":tenants"][":tenant"], param, name: param.tenant };
}

/**
 * A client, and the routes of a customer's enrolment tokens.
 * @throws SutureError `invalid-request` where the options name no customer; `unauthorized`
 */
export async function enrolmentTokensOf(io: Io, options: TenantOptions) {
  if (options.customer === undefined) {
    throw new SutureError("invalid-request", "Say --customer NAME: hosts are a customer's");
  }
  const { client, name } = await tenantOf(io, options);
  return { client, enrolmentTokens: client.api.customers[":customer"]["enrolment-tokens"], param: { customer: name } };
}
