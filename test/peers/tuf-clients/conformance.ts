#!/usr/bin/env node
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { readMetadata } from "../../../protocol/trust/edit.ts";
import { type FetchMetadata, TrustedRepository } from "../../../protocol/trust/verify.ts";

/**
 * Suture's client behind the command line that tuf-conformance tests clients by.
 * @see https://github.com/theupdateframework/tuf-conformance/blob/main/CLIENT-CLI.md
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "metadata-dir": { type: "string", default: "" },
    "metadata-url": { type: "string", default: "" },
    "target-name": { type: "string", multiple: true, default: [] },
    "target-base-url": { type: "string", default: "" },
    "target-dir": { type: "string", default: "" },
  },
});
const directory = values["metadata-dir"];
const unbounded = { timestamp: Number.POSITIVE_INFINITY, snapshot: Number.POSITIVE_INFINITY };

async function open(): Promise<TrustedRepository> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  const files = names.map(
    async (name) => [decodeURIComponent(name.slice(0, -5)), await readFile(join(directory, name))] as const,
  );
  return TrustedRepository.open(new Map(await Promise.all(files)), new Date(), unbounded);
}

async function keep(repository: TrustedRepository): Promise<void> {
  for (const [role, bytes] of repository.files)
    await writeFile(join(directory, `${encodeURIComponent(role)}.json`), bytes);
}

const fetchMetadata: FetchMetadata = async (name, maxBytes) => {
  const response = await fetch(`${values["metadata-url"].replace(/\/$/, "")}/${encodeURIComponent(name)}`);
  if (response.status === 403 || response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > maxBytes) throw new Error(`${name} is longer than ${maxBytes}`);
  return bytes;
};

async function refresh(
  repository: TrustedRepository,
  roles: readonly string[] = [],
  fetching = fetchMetadata,
): Promise<void> {
  try {
    await repository.refresh(fetching, roles);
  } finally {
    await keep(repository);
  }
}

async function download(path: string): Promise<void> {
  const repository = await open();
  await refresh(repository);
  const text = Buffer.from(repository.files.get("targets") ?? []).toString("utf8");
  const delegations = readMetadata("targets", text).signed.delegations;
  const roles = [...(delegations?.rolesForTarget(path) ?? [])].map(({ role }) => role);
  // One after the other, as a search goes; what was refreshed just now is not asked for again
  const onlyRoles: FetchMetadata = async (name, maxBytes) => {
    if (name === "timestamp.json") return repository.files.get("timestamp");
    return name.endsWith(".root.json") ? undefined : await fetchMetadata(name, maxBytes);
  };
  for (let count = 1; count <= roles.length && repository.target(path) === undefined; count++)
    await refresh(repository, roles.slice(0, count), onlyRoles);
  const target = repository.target(path);
  if (target === undefined) throw new Error(`no target ${path}`);
  const file = join(values["target-dir"], encodeURIComponent(path));
  if (await isThere(file, target.sha256)) return;
  const slash = path.lastIndexOf("/") + 1;
  const name = `${path.slice(0, slash)}${target.sha256}.${path.slice(slash)}`;
  const response = await fetch(`${values["target-base-url"].replace(/\/$/, "")}/${name}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!response.ok || bytes.length !== target.length || digest(bytes) !== target.sha256)
    throw new Error(`${path} is not what was signed`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function isThere(file: string, sha256: string): Promise<boolean> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes !== undefined && digest(bytes) === sha256;
}

const [command, trustedRoot = ""] = positionals;
if (command === "init") await writeFile(join(directory, "root.json"), await readFile(trustedRoot));
else if (command === "refresh") await refresh(await open());
else if (command === "download") for (const path of values["target-name"]) await download(path);
else throw new Error(`unknown command ${String(command)}`);
