import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { PlanKeysAsked, ServiceView } from "../../protocol/wire/service.ts";
import { admitVendor } from "../ceremony/admit-vendor.ts";
import { foundService, givenOfflineKeys, offlineRoles, ownOfflineKeys } from "../ceremony/found-service.ts";
import { renew } from "../ceremony/renew.ts";
import { revoke } from "../ceremony/revoke.ts";
import { rotate } from "../ceremony/rotate.ts";
import { type KeysOptions, servicePlace } from "../ceremony/service-place.ts";
import { setKeys } from "../ceremony/set-keys.ts";
import { type Client, read } from "../client.ts";
import { firstRootOf } from "../first-root.ts";
import { action, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";
import { serviceRelease } from "./service-release.ts";
import { makeKey } from "./vendor-key.ts";
import { signFile, submitFile } from "./vendor-sign.ts";

type InitOptions = KeysOptions & { publicKey?: string[]; threshold: string };

const keyName = new RegExp(`^(?:${offlineRoles.join("|")})-\\d+$`);
const Threshold = z.coerce.number().int().min(2).max(16);
const folder = "the folder with the offline keys that are here";

/** The ceremonies of the service's own repository, for operators: the same as a vendor's, on other roles. */
export function service(group: Command, io: Io): void {
  const at = (name: string, description: string) =>
    group.command(name).description(description).requiredOption("--keys <folder>", folder);

  group
    .command("show")
    .description("Show the service's own roles: their versions, and until when they are valid")
    .action(action(io, async (options) => await show(await signedIn(io, options))));

  at("init", "Found the service's repository: two of three keys for each of its offline roles")
    .option(
      "--public-key <files...>",
      "public keys that several people made with `service key`; none is made here then",
    )
    .option("--threshold <n>", "how many must sign each role", "2")
    .addHelpText(
      "after",
      "\nExamples:\n  $ suture service init --keys offline\n  $ suture service init --keys . --public-key */*.pub",
    )
    .action(action(io, (options) => init(io, options as InitOptions)));

  at("key", "Make a key of your own for one of the offline roles; needs no network")
    .argument("<name>", "root-1, targets-2, agent-1, vendors-3 …")
    .option("--signer <place>", "where it is, if no file: kms:KEY-ARN or exec:PROGRAM (docs/cli.md)")
    .action(action(io, async (options, name: string) => await makeKey(requireName(name), options as KeysOptions)));

  at("admit", "Let agents trust a vendor: its first root is signed by two of the `vendors` keys")
    .argument("<vendor>", "the vendor's name")
    .addHelpText("after", "\nCompare the root's SHA-256 with the vendor, by voice, before signing.")
    .action(action(io, (options, vendor: string) => admit(io, options as KeysOptions, vendor)));

  serviceRelease(group.command("release").description("Releases of the agent, which update themselves"), io);

  at("rotate", "Put a new key in the place of an old one")
    .argument("<key>", "root-1, targets-2, agent-1, vendors-3 …")
    .option("--replaces <id>", "the old key's id, or its first digits, where it is not here")
    .option("--signer <place>", "where the new key is, if no file: kms:KEY-ARN or exec:PROGRAM")
    .action(
      action(io, async (given, name: string) => {
        const options = given as KeysOptions & { replaces?: string };
        const role = requireName(name).replace(/-\d+$/, "");
        return await rotate(await servicePlace(io, options), name, {
          replaces: options.replaces,
          signer: options.signer,
          signs: (each) => each === role,
        });
      }),
    );

  group
    .command("rotate-plan-keys")
    .description("Replace the key that signs plans at once: it may be stolen. The schedule replaces it every 30 days")
    .action(action(io, async (options) => await rotatePlanKeys(await signedIn(io, options))));

  at("renew", "Sign again, before it expires, whatever the keys at hand can sign").action(
    action(io, async (options) => await renew(await servicePlace(io, options as KeysOptions))),
  );

  at("revoke", "Take a key away without another in its place")
    .argument("<key>", "its id or the first 8 digits of it, or its name: vendors-3")
    .action(
      action(io, async (options, key: string) => await revoke(await servicePlace(io, options as KeysOptions), key)),
    );

  at("set-keys", "Say whose keys sign an offline role, and how many of them must")
    .argument("<role>", offlineRoles.join(", "))
    .argument("<files...>", "the public keys: all that are to sign from now on")
    .requiredOption("--threshold <n>", "how many of them must sign")
    .action(
      action(io, async (given, role: string, files: string[]) => {
        const options = given as KeysOptions & { threshold: string };
        parseWith(z.enum(offlineRoles), role, "role");
        const threshold = parseWith(Threshold, options.threshold, "--threshold");
        return await setKeys(await servicePlace(io, options), role, { files, threshold });
      }),
    );

  at("sign", "Sign a proposal that another key holder made; needs no network")
    .argument("<file>", "the proposal")
    .action(action(io, (options, file: string) => signFile(file, resolve((options as KeysOptions).keys))));

  at("submit", "Send a proposal that enough have signed")
    .argument("<file>", "the proposal")
    .action(
      action(io, async (options, file: string) => {
        const { repository, directory } = await servicePlace(io, options as KeysOptions);
        return await submitFile(file, repository, directory);
      }),
    );
}

function requireName(name: string): string {
  if (keyName.test(name)) return name;
  throw new SutureError("invalid-request", `${name} is no key's name: root-1, targets-2, agent-1, vendors-3`);
}

async function show({ api }: Client): Promise<Result> {
  const view = await read(api.service.$get(), ServiceView);
  const rows = view.roles.map(({ role, version, acceptedAt, expires }) => [
    role,
    String(version),
    minuteOf(acceptedAt),
    minuteOf(expires),
  ]);
  return { json: view, lines: table(["ROLE", "VERSION", "SINCE (UTC)", "VALID UNTIL (UTC)"], rows) };
}

async function init(io: Io, options: InitOptions): Promise<Result> {
  const threshold = parseWith(Threshold, options.threshold, "--threshold");
  const place = await servicePlace(io, options);
  const keys =
    options.publicKey === undefined ? await ownOfflineKeys(place.directory) : await givenOfflineKeys(options.publicKey);
  const { onlineKeys: online } = await read((await signedIn(io, options)).api.service.$get(), ServiceView);
  const outcome = await foundService(place, { keys, threshold, online });
  if (outcome !== undefined && !outcome.json.submitted)
    return { ...outcome, lines: [...outcome.lines, "then run this command again: it goes on from there."] };
  const root = (await place.repository.newest("root"))?.text ?? "";
  return {
    json: { repository: "service", submitted: true, founded: outcome !== undefined },
    lines: [
      outcome === undefined ? "The service is founded already." : "The service's repository is founded.",
      "",
      "Now:",
      `  [ ] move each key of ${place.directory} to another place that is not connected, with a copy`,
      `  [ ] write down the SHA-256 of the first root, which agents are told: ${digestOf(Buffer.from(root)).sha256}`,
    ],
  };
}

async function admit(io: Io, options: KeysOptions, given: string): Promise<Result> {
  const vendor = parseWith(Name, given, "vendor name");
  const client = await signedIn(io, options);
  const place = await servicePlace(io, options);
  const root = await firstRootOf(client, vendor);
  if (root === undefined) throw new SutureError("not-found", `${vendor} has no root that is public`);
  const outcome = await admitVendor(place, vendor, root);
  if (outcome !== undefined) return outcome;
  return { json: { vendor, submitted: true, admitted: false }, lines: [`${vendor} is admitted already.`] };
}

async function rotatePlanKeys({ api }: Client): Promise<Result> {
  const json = await read(api.service["plan-keys"].$post(), PlanKeysAsked);
  return {
    json,
    lines: [
      "The old plan key is announced no more, and another signs. Until both have come round, which takes up to ten",
      "minutes, agents may refuse a plan and ask again.",
      "",
      "Now:",
      "  [ ] suture service show: plan-keys has a new version",
      "  [ ] look through the log of changes (suture audit) for who had access to the old one",
    ],
  };
}
