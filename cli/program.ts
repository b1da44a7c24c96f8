import { Command, CommanderError } from "commander";
import { SutureError } from "../protocol/errors.ts";
import { customerCreate } from "./commands/customer-create.ts";
import { customerSubscribe } from "./commands/customer-subscribe.ts";
import { list } from "./commands/list.ts";
import { machines } from "./commands/machines.ts";
import { promote } from "./commands/promote.ts";
import { publish } from "./commands/publish.ts";
import { schema } from "./commands/schema.ts";
import { tokenCreate } from "./commands/token-create.ts";
import { vendorAddProduct } from "./commands/vendor-add-product.ts";
import { vendorInit } from "./commands/vendor-init.ts";
import { withdraw } from "./commands/withdraw.ts";
import { exitCodeOf, type Io, printError } from "./io.ts";

/** Runs `suture` with these arguments and returns its exit code (docs/cli.md). */
export async function runSuture(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes("--json");
  try {
    await buildProgram(io, json).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    // --help and --version end this way, and are no failure
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const known = error instanceof CommanderError ? usage(error) : error;
    // Wrong usage was said in words already, by commander
    if (json || known === error) printError(known, io, json);
    return exitCodeOf(known);
  }
}

function buildProgram(io: Io, json: boolean): Command {
  const program = new Command("suture")
    .description("Publish live patches, and look after vendors, customers and their machines")
    .version("0.1.0")
    .option("--service <url>", "the service's address (env SUTURE_SERVICE; default http://127.0.0.1:4780)")
    .option("--token-file <file>", "a file with the API token (else env SUTURE_TOKEN)")
    .option("--json", "print one JSON object on standard output, errors too")
    .showHelpAfterError("Try --help.")
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: (text) => json || io.err(text) })
    .addHelpText(
      "after",
      `
Exit codes: 0 done, 1 failed, 2 wrong use or bad input, 3 not allowed, 4 conflicts with what is there,
5 the service cannot be reached.

Examples:
  $ suture vendor init acme --product echod
  $ suture publish docs/examples/echod
  $ suture token create --customer globex`,
    );
  const vendor = program.command("vendor").description("Become a vendor, add products");
  vendorInit(vendor, io);
  vendorAddProduct(vendor, io);
  publish(program, io);
  promote(program, io);
  withdraw(program, io);
  list(program, io);
  const customer = program.command("customer").description("Let customers in, give them channels");
  customerCreate(customer, io);
  customerSubscribe(customer, io);
  tokenCreate(program.command("token").description("Make tokens for hosts and people"), io);
  machines(program, io);
  schema(program, io);
  return program;
}

function usage(error: CommanderError): SutureError {
  return new SutureError("invalid-request", error.message.replace(/^error: /, ""), { cause: error });
}
