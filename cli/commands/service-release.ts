import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf, type FileDigest } from "../../protocol/trust/edit.ts";
import { type AgentArch, AgentRing, maxAgentTarball, ReleaseVersion } from "../../protocol/wire/agent-release.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { UploadsAnswer } from "../../protocol/wire/vendor.ts";
import { readReleases, releaseAgent, withdrawRelease } from "../ceremony/release-agent.ts";
import { serviceRepository } from "../ceremony/repository.ts";
import { type KeysOptions, servicePlace } from "../ceremony/service-place.ts";
import { type Client, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";
import { upload } from "../upload.ts";

type PublishOptions = KeysOptions & { x8664?: string; aarch64?: string; earlyAfter: string; allAfter: string };
const Hours = z.coerce.number().min(0).max(2000);
const keys = ["--keys <folder>", "where the keys of the role `agent` are: agent-1.pem and so on"] as const;

/** `service release publish`, `withdraw`, `list`: releases of the agent, which update themselves (docs/operations.md). */
export function serviceRelease(group: Command, io: Io): void {
  group
    .command("publish")
    .description(
      "Release a version of the agent; hosts change to it ring by ring, and go back by themselves where it fails",
    )
    .argument("<version>", "such as 1.20.3; higher than all before it")
    .requiredOption(...keys)
    .option("--x86-64 <tarball>", "for x86-64, as `npm run package` makes it")
    .option("--aarch64 <tarball>", "for arm64")
    .option("--early-after <hours>", "when the ring `early` gets it, after `canary`", "24")
    .option("--all-after <hours>", "when everybody else does", "72")
    .addHelpText(
      "after",
      `
Two of the \`agent\` keys sign. Where some are elsewhere a proposal is written that travels: suture service sign, submit.

Example:
  $ suture service release publish 0.2.0 --x86-64 suture-agent-0.2.0-linux-x64.tar.gz --keys offline`,
    )
    .action(action(io, (options, version: string) => publish(io, version, options as PublishOptions)));

  group
    .command("withdraw")
    .description("Let no host change to a release any more; those that have it wait for a newer one")
    .argument("<version>", "which")
    .requiredOption("--reason <text>", "why")
    .requiredOption(...keys)
    .addHelpText("after", "\nExample:\n  $ suture service release withdraw 0.2.0 --reason 'it leaks' --keys offline")
    .action(
      action(io, async (given, version: string) => {
        const options = given as KeysOptions & { reason: string };
        const place = await servicePlace(io, options);
        const before = await readReleases(place.repository, await signedIn(io, options));
        return await withdrawRelease(place, { version, reason: options.reason }, before);
      }),
    );

  group
    .command("list")
    .description("List the releases of the agent, and since when each ring may have them")
    .addHelpText("after", "\nExample:\n  $ suture service release list")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const { releases } = await readReleases(serviceRepository(client), client);
        const rows = releases.map(({ version, arches, opens, withdrawn }) => [
          version,
          arches.join(" "),
          ...AgentRing.options.map((ring) => minuteOf(opens[ring])),
          withdrawn === undefined ? "" : `withdrawn: ${withdrawn}`,
        ]);
        const head = ["VERSION", "FOR", ...AgentRing.options.map((ring) => `${ring.toUpperCase()} (UTC)`), ""];
        return { json: { releases }, lines: table(head, rows) };
      }),
    );
}

async function publish(io: Io, given: string, options: PublishOptions): Promise<Result> {
  const version = parseWith(ReleaseVersion, given, "version");
  const [early, all] = [
    parseWith(Hours, options.earlyAfter, "--early-after"),
    parseWith(Hours, options.allAfter, "--all-after"),
  ];
  if (all < early) throw new SutureError("invalid-request", "--all-after is not before --early-after");
  const named: [AgentArch, string | undefined][] = [
    ["x86_64", options.x8664],
    ["aarch64", options.aarch64],
  ];
  const files = named.flatMap(([arch, file]) => (file === undefined ? [] : [[arch, file] as const]));
  if (files.length === 0)
    throw new SutureError("invalid-request", "Give a tarball: --x86-64 FILE, --aarch64 FILE, or both");
  const place = await servicePlace(io, options);
  const client = await signedIn(io, options);
  const before = await readReleases(place.repository, client);
  const tarballs = new Map<AgentArch, FileDigest>();
  for (const [arch, file] of files) tarballs.set(arch, await send({ version, arch, file }, client, io));
  return await releaseAgent(place, { version, tarballs, afterHours: { early, all } }, before);
}

/** Brings a tarball to where agents will find it. Nobody takes it before it is signed. */
async function send(
  { version, arch, file }: { version: string; arch: AgentArch; file: string },
  client: Client,
  io: Io,
): Promise<FileDigest> {
  const bytes = await readFile(file);
  if (bytes.length > maxAgentTarball) throw new SutureError("too-large", `${file} is larger than agents take`);
  const { sha256, length } = digestOf(bytes);
  const json = { version, arch, sha256, size: length };
  const answer = await read(client.api.service.uploads.$post({ json }), UploadsAnswer);
  await upload(answer, [{ payload: basename(file), sha256, bytes }], io);
  return { sha256, length };
}
