import { Command } from "commander";
import { endpointOf, fromEnvironment, roleOf } from "../../functions/environment.ts";
import { kmsSigner } from "../../functions/signers/kms.ts";
import { apiTokensStore } from "../../functions/stores/api-tokens.ts";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { rolesStore } from "../../functions/stores/roles.ts";
import { sqsQueue } from "../../functions/stores/sqs-queue.ts";
import { describeError } from "../../protocol/errors.ts";
import { offlineSigners } from "../local/keys.ts";
import { admit, type CeremonyDeps, found, issueOperatorToken } from "./ceremony.ts";

type Options = { keys: string; bucket: string; queue: string };

/** What operators run with their own credentials and with offline keys at hand (docs/deploy.md). */
const program = new Command("ceremony").description("Ceremonies of the service's own repository on AWS");

function ceremony(name: string): Command {
  return program
    .command(name)
    .requiredOption("--keys <folder>", "where the offline keys are; made there the first time")
    .requiredOption("--bucket <name>", "the data stack's bucket")
    .requiredOption("--queue <url>", "the jobs stack's publish queue");
}

ceremony("found")
  .description("found the service's repository")
  .action(async (options: Options) => found(await signersOf(options), depsOf(options)));

ceremony("admit <vendor>")
  .description("let agents trust a vendor")
  .action(async (vendor: string, options: Options) => admit(vendor, await signersOf(options), depsOf(options)));

program
  .command("operator-token")
  .description("make an operator's API token and print it this once")
  .requiredOption("--label <text>", "whose it is")
  .option("--days <n>", "until it expires", "30")
  .action(async ({ label, days }: { label: string; days: string }) => {
    const deps = { apiTokens: apiTokensStore(dynamoSdk({})), now: Date.now };
    process.stdout.write(`${await issueOperatorToken(deps, { label, days: Number(days) })}\n`);
  });

function depsOf({ bucket, queue }: Options): CeremonyDeps {
  return {
    roles: rolesStore(dynamoSdk({})),
    blobs: s3Blobs(bucket, {}),
    queue: sqsQueue(queue, { ...roleOf(), ...endpointOf("SQS") }),
    now: Date.now,
  };
}

async function signersOf({ keys }: Options) {
  const inKms = (role: string) =>
    kmsSigner(process.env[`SUTURE_${role}_KEY`] ?? `alias/suture/${role.toLowerCase().replace("_", "-")}`, {});
  return {
    ...(await offlineSigners(keys)),
    snapshot: await inKms("SNAPSHOT"),
    timestamp: await inKms("TIMESTAMP"),
    planKeys: await inKms("PLAN_KEYS"),
    recalls: await inKms("RECALLS"),
  };
}

try {
  fromEnvironment("AWS_REGION");
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`error: ${describeError(error)}\n`);
  process.exitCode = 1;
}
