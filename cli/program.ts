import { Command, CommanderError } from "commander";
import { type Code, SutureError } from "../protocol/errors.ts";
import { audit } from "./commands/audit.ts";
import { buildElf } from "./commands/build-elf.ts";
import { buildKlp } from "./commands/build-klp.ts";
import { bulk } from "./commands/bulk.ts";
import { bundleExport } from "./commands/bundle-export.ts";
import { check } from "./commands/check.ts";
import { customerCreate } from "./commands/customer-create.ts";
import { customerSubscribe } from "./commands/customer-subscribe.ts";
import { customerUnsubscribe } from "./commands/customer-unsubscribe.ts";
import { customerViews } from "./commands/customer-views.ts";
import { doctor } from "./commands/doctor.ts";
import { expiry } from "./commands/expiry.ts";
import { explain } from "./commands/explain.ts";
import { hold } from "./commands/hold.ts";
import { identity } from "./commands/identity.ts";
import { list } from "./commands/list.ts";
import { machine } from "./commands/machine.ts";
import { machines } from "./commands/machines.ts";
import { member } from "./commands/member.ts";
import { mirrorVendor } from "./commands/mirror.ts";
import { patchShow } from "./commands/patch-show.ts";
import { pin } from "./commands/pin.ts";
import { policy } from "./commands/policy.ts";
import { promote } from "./commands/promote.ts";
import { publication } from "./commands/publication.ts";
import { publish } from "./commands/publish.ts";
import { recall } from "./commands/recall.ts";
import { recalls } from "./commands/recalls.ts";
import { receipts } from "./commands/receipts.ts";
import { reportImport } from "./commands/report-import.ts";
import { rollout } from "./commands/rollout.ts";
import { schema } from "./commands/schema.ts";
import { service } from "./commands/service.ts";
import { subscriptions } from "./commands/subscriptions.ts";
import { support } from "./commands/support.ts";
import { tokenCreate } from "./commands/token-create.ts";
import { tokenViews } from "./commands/token-views.ts";
import { usage } from "./commands/usage.ts";
import { vendorAddProduct } from "./commands/vendor-add-product.ts";
import { vendorInit } from "./commands/vendor-init.ts";
import { vendorKey } from "./commands/vendor-key.ts";
import { vendorRenew } from "./commands/vendor-renew.ts";
import { vendorRevoke } from "./commands/vendor-revoke.ts";
import { vendorRotate } from "./commands/vendor-rotate.ts";
import { vendorSetKeys } from "./commands/vendor-set-keys.ts";
import { vendorSign } from "./commands/vendor-sign.ts";
import { vendorStop } from "./commands/vendor-stop.ts";
import { vendorViews } from "./commands/vendor-views.ts";
import { view } from "./commands/view.ts";
import { whoami } from "./commands/whoami.ts";
import { withdraw } from "./commands/withdraw.ts";
import { Attention, exitAttention, exitCodeOf, type Io, printError } from "./io.ts";

/** Runs `suture` with these arguments and returns its exit code (docs/cli.md). */
export async function runSuture(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes("--json");
  try {
    await buildProgram(io, json).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Attention) return exitAttention;
    // --help and --version end this way, and are no failure
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const known = error instanceof CommanderError ? wrongUse(error) : (wrongFile(error) ?? error);
    // Wrong usage was said in words already, by commander
    if (json || !(error instanceof CommanderError)) printError(known, io, json);
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
5 the service cannot be reached, 6 done and something wants attention (docs/cli.md).

Examples:
  $ suture vendor init acme --product echod
  $ suture publish docs/examples/echod
  $ suture token create --customer globex`,
    );
  const vendor = program.command("vendor").description("Become a vendor, add products, renew and replace keys");
  vendorInit(vendor, io);
  vendorAddProduct(vendor, io);
  vendorKey(vendor, io);
  vendorRotate(vendor, io);
  vendorSetKeys(vendor, io);
  vendorRenew(vendor, io);
  vendorRevoke(vendor, io);
  vendorSign(vendor, io);
  service(program.command("service").description("Ceremonies of the service's own keys, for operators"), io);
  const build = program.command("build").description("Make payloads from changes of source");
  buildElf(build, io);
  buildKlp(build, io);
  vendorViews(vendor, io);
  vendorStop(vendor, io);
  publish(program, io);
  publication(program, io);
  promote(program, io);
  withdraw(program, io);
  recall(program, io);
  recalls(program, io);
  list(program, io);
  patchShow(program, io);
  support(program.command("support").description("What a product covers, and until when"), io);
  const customer = program.command("customer").description("Let customers in, give them channels");
  customerCreate(customer, io);
  customerViews(customer, io);
  customerSubscribe(customer, io);
  customerUnsubscribe(customer, io);
  subscriptions(program, io);
  usage(program, io);
  const token = program.command("token").description("Make, list and revoke tokens for hosts, programs and people");
  tokenCreate(token, io);
  tokenViews(token, io);
  member(program.command("member").description("A tenant's people: invite, list, remove"), io);
  identity(program.command("identity").description("Sign in with a tenant's own identity provider"), io);
  machines(program, io);
  receipts(program.command("receipts").description("What machines signed: for auditors"), io);
  machine(program.command("machine").description("Look at one machine, or retire it"), io);
  doctor(program, io);
  mirrorVendor(program, io);
  expiry(program, io);
  bundleExport(program.command("bundle").description("One file for hosts without a network"), io);
  reportImport(program.command("report").description("What hosts without a network have to say"), io);
  explain(program, io);
  policy(program.command("policy").description("How machines are patched: waves, windows, who is asked"), io);
  pin(program.command("pin").description("Keep patches from machines until a day"), io);
  view(program.command("view").description("Saved views of the machines, as the portal lists them"), io);
  rollout(program.command("rollout").description("Watch rollouts and decide on them"), io);
  hold(program.command("hold").description("Stop a patch for everyone, and let it go on"), io);
  bulk(program, io);
  audit(program, io);
  whoami(program, io);
  schema(program, io);
  check(program, io);
  return program;
}

function wrongUse(error: CommanderError): SutureError {
  return new SutureError("invalid-request", error.message.replace(/^error: /, ""), { cause: error });
}

/** A file that a person named and that is not as it should be, where no command says it better. */
function wrongFile(error: unknown): SutureError | undefined {
  if (!(error instanceof Error) || !("path" in error) || !("code" in error)) return undefined;
  // of a helper program that could not be started, `path` is the program, which nobody named
  if ("syscall" in error && String(error.syscall).startsWith("spawn")) {
    const why =
      error.code === "ENOENT" ? "is not installed, or not in PATH" : `cannot be started: ${String(error.code)}`;
    return new SutureError("unsupported", `The program ${String(error.path)}, which this command needs, ${why}`, {
      cause: error,
    });
  }
  const reason = fileReasons[String(error.code)];
  return reason && new SutureError(...reason(String(error.path)), { cause: error });
}

/** By the error's name in errno(3). */
const fileReasons: Record<string, (path: string) => [Code, string]> = {
  ENOENT: (path) => ["invalid-request", `There is no ${path}`],
  ENOTDIR: (path) => ["invalid-request", `${path} is below a file, not a folder`],
  EACCES: (path) => ["no-permission", `${path} may not be read or written by you`],
};
