import { join } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { delegationsOf, readMetadata, rootRolesOf } from "../../protocol/trust/edit.ts";
import type { Signer, TufKey } from "../../protocol/trust/signer.ts";
import { carryOut } from "../ceremony/carry-out.ts";
import { promoteKeys } from "../ceremony/held-keys.ts";
import {
  keyByPrefix,
  newestText,
  nextRoot,
  nextTargets,
  replaceKey,
  resignRole,
  send,
} from "../ceremony/vendor-metadata.ts";
import { action, type Io, type Result } from "../io.ts";
import { loadKey, loadOrCreateKey, readText } from "../key-files.ts";
import { asPublisher, type VendorSession } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { replaces?: string };

export function vendorRotate(group: Command, io: Io): void {
  group
    .command("rotate")
    .description("Put a new key in the place of an old one")
    .argument("<key>", "root-1, root-2, root-3, targets or publishing")
    .option("--replaces <id>", "the old key's id, or its first digits, where its file is not here")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText(
      "after",
      `
The new key is made here, as NAME.next.pem, and takes the old one's place once it is in force. A root or
targets key wants the signatures of the root: of those that are not here, a proposal is written that
travels. publishing wants targets.pem. A run that failed half-way is simply run again.

Examples:
  $ suture vendor rotate publishing
  $ suture vendor rotate root-2 --replaces 5d1e70aa`,
    )
    .action(action(io, (options, key: string) => run(io, key, options)));
}

async function run(io: Io, name: string, options: Options): Promise<Result> {
  if (!/^(?:root-\d+|targets|publishing)$/.test(name))
    throw new SutureError("invalid-request", `${name} is no key's name: root-1, root-2, root-3, targets or publishing`);
  const session = await asPublisher(io, options);
  const next = await loadOrCreateKey(join(session.folder.directory, `${name}.next.pem`));
  if (await isAlone(session, name, next.key)) return await finish(session, name, next.key);
  if (name === "publishing") return await rotatePublishing(io, session, next, options);
  return name === "targets"
    ? await rotateTargets(io, session, next)
    : await rotateRoot(io, session, name, next, options);
}

/** Whether an earlier run brought the new key into force, and the old one out, but was cut off before the files changed places. */
async function isAlone({ client, vendor, folder }: VendorSession, name: string, next: TufKey): Promise<boolean> {
  const root = rootRolesOf(readMetadata("root", await newestText(client, vendor, "root")).signed);
  const delegations = delegationsOf(readMetadata("targets", await newestText(client, vendor, "targets")).signed);
  const keys =
    name === "publishing" ? delegations.flatMap((each) => each.keys) : [...root.root.keys, ...root.targets.keys];
  const has = (id: string) => keys.some(({ keyid }) => keyid === id);
  const file = join(folder.directory, `${name}.pem`);
  return has(next.keyid) && ((await readText(file)) === undefined || !has((await loadKey(file)).key.keyid));
}

async function finish({ vendor, folder }: VendorSession, key: string, next: TufKey): Promise<Result> {
  await promoteKeys(folder.directory, new Set([next.keyid]));
  return { json: { vendor, key, new: next.keyid }, lines: [`${key}.pem is the key that is in force.`] };
}

/** The new key signs beside the old one before the old one goes: no client ever meets a role that does not verify. */
async function rotatePublishing(io: Io, session: VendorSession, next: Signer, options: Options): Promise<Result> {
  const { client, vendor, folder } = session;
  const targets = await loadKey(folder.keyPath("targets"));
  const delegations = delegationsOf(readMetadata("targets", await newestText(client, vendor, "targets")).signed);
  const old = await oldKey(
    delegations.flatMap(({ keys }) => keys),
    folder.keyPath("publishing"),
    options,
  );
  const concerned = delegations.filter(({ keys }) => keys.some(({ keyid }) => keyid === old.keyid));
  const change = async (edit: (keys: readonly TufKey[]) => TufKey[]) => {
    const roles = new Set(concerned.map(({ role }) => role));
    const text = await nextTargets(
      await newestText(client, vendor, "targets"),
      (all) => all.map((each) => (roles.has(each.role) ? { ...each, keys: edit(each.keys) } : each)),
      [targets],
      io.now(),
    );
    await send(client, vendor, "targets", text);
  };
  await change((keys) => [...keys.filter(({ keyid }) => keyid !== next.key.keyid), next.key]);
  const signed: string[] = [];
  for (const { role } of concerned) if (await resignRole(client, vendor, role, [next], io.now())) signed.push(role);
  await change((keys) => keys.filter(({ keyid }) => keyid !== old.keyid));
  await promoteKeys(folder.directory, new Set([next.key.keyid]));
  return {
    json: { vendor, key: "publishing", old: old.keyid, new: next.key.keyid, signed },
    lines: [
      `${vendor} publishes with the key ${next.key.keyid.slice(0, 16)} now; ${old.keyid.slice(0, 16)} signs nothing more.`,
      `Signed again: ${signed.join(", ") || "nothing was published yet"}`,
      "",
      "Now:",
      "  [ ] give publishing.pem to whoever publishes, and destroy publishing.old.pem and its copies",
      "  [ ] take targets.pem offline again",
      "  [ ] where the old key was stolen: look through `suture list`, and withdraw what is not yours",
    ],
  };
}

/** Targets are signed by both keys first, so that they verify under the root in force and under the next. */
async function rotateTargets(io: Io, { client, vendor, folder }: VendorSession, next: Signer): Promise<Result> {
  const old = await loadKey(folder.keyPath("targets"));
  const targets = await newestText(client, vendor, "targets");
  await send(client, vendor, "targets", await nextTargets(targets, (all) => all, [old, next], io.now()));
  const root = await newestText(client, vendor, "root");
  const text = await nextRoot(
    root,
    (roles) => ({
      ...roles,
      targets: { ...roles.targets, keys: replaceKey(roles.targets.keys, old.key.keyid, next.key) },
    }),
    io.now(),
  );
  return await carryOut(client, folder.directory, {
    proposal: 1,
    vendor,
    role: "root",
    why: "A new targets key",
    root,
    text,
  });
}

async function rotateRoot(
  io: Io,
  { client, vendor, folder }: VendorSession,
  name: string,
  next: Signer,
  options: Options,
): Promise<Result> {
  const root = await newestText(client, vendor, "root");
  const old = await oldKey(
    rootRolesOf(readMetadata("root", root).signed).root.keys,
    join(folder.directory, `${name}.pem`),
    options,
  );
  const text = await nextRoot(
    root,
    (roles) => ({ ...roles, root: { ...roles.root, keys: replaceKey(roles.root.keys, old.keyid, next.key) } }),
    io.now(),
  );
  return await carryOut(client, folder.directory, {
    proposal: 1,
    vendor,
    role: "root",
    why: `A new key ${name}`,
    root,
    text,
  });
}

async function oldKey(keys: readonly TufKey[], file: string, { replaces }: Options): Promise<TufKey> {
  return keyByPrefix(keys, replaces ?? (await loadKey(file)).key.keyid);
}
