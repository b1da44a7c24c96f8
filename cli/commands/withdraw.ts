import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import type { FileDigest } from "../../protocol/trust/edit.ts";
import { type PatchRef, patchId, patchPath } from "../../protocol/wire/names.ts";
import type { PatchDetail } from "../../protocol/wire/vendor.ts";
import { formerVersions, type KnownVersions, knownVersions } from "../former-versions.ts";
import { action, type Io, type Result } from "../io.ts";
import { editRole, type RoleChange, type RoleContent } from "../role-edit.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { reason: string; restore?: true; replacement: boolean };

export function withdraw(program: Command, io: Io): void {
  program
    .command("withdraw")
    .description("Withdraw a patch: it is offered no more, and undone where it is applied")
    .argument("<patch>", "[vendor/]product/channel/patch@version")
    .requiredOption("--reason <text>", "why; customers read it")
    .option("--restore", "offer the earlier version again in its place, in the same signed edit")
    .option("--no-replacement", "leave the machines that have it without any version")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
A withdrawal is a signed statement and stays for ever. A fixed patch is published as a higher version.
Where machines have the patch and an earlier version of it is good, say with --restore or --no-replacement what becomes of them;
--restore also goes with a patch that is withdrawn already.

Examples:
  $ suture withdraw echod/stable/bounds-check@1 --reason "Refuses requests of exactly 4096 bytes"
  $ suture withdraw echod/stable/bounds-check@2 --reason "It leaks" --restore        # bounds-check@1 is offered again`,
    )
    .action(action(io, (options, patch: string) => run(io, patch, options as Options)));
}

async function run(io: Io, given: string, options: Options): Promise<Result> {
  if (options.restore && !options.replacement)
    throw new SutureError("invalid-request", "Say --restore or --no-replacement, not both");
  const session = await asPublisherOf(io, given, options);
  const { client, ref } = session;
  const known = await knownVersions(client, ref);
  const { applied = 0, partial = 0 } = known.patch?.adoption.machines ?? {};
  const machines = applied + partial;
  let restored: string[] = [];
  const { changed, version, waiting } = await editRole(session, ref, {
    why: `Withdraw ${patchId(ref)}`,
    now: io.now,
    decide: (content) => {
      const former = formerVersions(ref, known, content);
      const change = withdrawal(ref, content, { known, former, machines, options, at: io.now() });
      restored = change?.restore === undefined ? [] : former.map(({ id }) => id);
      return change;
    },
  });
  const said = { patch: patchId(ref), machines, restored };
  if (waiting !== undefined) return { ...waiting, json: { ...waiting.json, ...said, withdrawn: false } };
  const lines = [changed ? `Withdrew ${patchId(ref)}.` : `${patchId(ref)} is withdrawn already.`];
  return {
    json: { ...said, withdrawn: changed, roleVersion: version },
    lines: [...lines, ...restored.map((id) => `${id} is offered again in its place.`)],
    notes: changed && machines > 0 ? [fate(machines, restored)] : [],
  };
}

type Asked = { known: KnownVersions; former: readonly PatchDetail[]; machines: number; options: Options; at: Date };

/**
 * What a withdrawal changes in the role; undefined where it is there already.
 * @throws SutureError `not-found`; `conflict` with data `{ machines, former }` where the vendor must say what becomes of the machines
 */
function withdrawal(
  ref: PatchRef,
  { files, recalls }: RoleContent,
  { known, former, machines, options, at }: Asked,
): RoleChange | undefined {
  const path = `${patchPath(ref)}.json`;
  const name = `${ref.patch}@${ref.version}`;
  const isWithdrawn = recalls.some(({ patch }) => patch === name);
  // A superseded patch has left the role, but may still be applied somewhere
  if (!isWithdrawn && known.patch === undefined && !files.has(path))
    throw new SutureError("not-found", `${ref.vendor} has not published ${patchPath(ref)}`);
  if (!isWithdrawn && former.length > 0 && machines > 0 && !options.restore && options.replacement)
    throw mustChoose(ref, former, machines);
  if (options.restore && !isWithdrawn && former.length === 0 && !standsAnother(ref, files))
    throw new SutureError(
      "not-found",
      `There is no earlier good version of ${patchPath(ref)} that could be offered again`,
    );
  const restore = options.restore && former.length > 0 ? new Map(former.map(fileOf)) : undefined;
  if (isWithdrawn) return restore && { restore };
  const recall = [{ patch: name, reason: options.reason, at: at.toISOString() }];
  return { remove: [path], recall, ...(restore && { restore }) };
}

function mustChoose(ref: PatchRef, former: readonly PatchDetail[], machines: number): SutureError {
  const ids = former.map(({ id }) => id);
  const detail =
    `${machines} ${machines === 1 ? "machine has" : "machines have"} ${patchId(ref)} and would be left exposed, with no version of it. ` +
    `Say --restore, so that ${ids.join(" and ")} is offered again in its place, or --no-replacement`;
  return new SutureError("conflict", detail, { data: { machines, former: ids } });
}

/** Whether the role names another version of the patch. */
function standsAnother(ref: PatchRef, files: RoleContent["files"]): boolean {
  const prefix = `${ref.product}/${ref.channel}/${ref.patch}@`;
  return [...files.keys()].some((path) => path.startsWith(prefix) && path !== `${patchPath(ref)}.json`);
}

/** @throws SutureError `unavailable` where the service is too old to say how the manifest was signed */
function fileOf({ id, manifest, manifestSha256, manifestLength }: PatchDetail): [string, FileDigest] {
  if (manifestSha256 === undefined || manifestLength === undefined)
    throw new SutureError("unavailable", `The service does not say the digest of ${id}: it is older than this program`);
  return [`${patchPath(manifest)}.json`, { sha256: manifestSha256, length: manifestLength }];
}

function fate(machines: number, restored: readonly string[]): string {
  const have = machines === 1 ? "1 machine had" : `${machines} machines had`;
  return restored.length > 0
    ? `${have} it: each takes it out and gets the earlier version, as its rollout and policy say.`
    : `${have} it and will take it out: shown as unprotected where nothing else stands for it.`;
}
