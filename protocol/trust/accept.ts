import type { Metadata, Root, Targets } from "@tufjs/models";
import { SutureError } from "../errors.ts";
import { readMetadata } from "./edit.ts";
import { refuseSharedKeys } from "./keys.ts";
import type { TufKey } from "./signer.ts";

/** A role may not name more files than this: what a client pays to read a role grows with their square. */
const maxFilesPerRole = 400;

/**
 * Accepts a root: signed by itself and, past version 1, by the root before it; its online roles are the service's own keys, and
 * nobody else's, so that nothing goes live without the service.
 * @throws SutureError `invalid-metadata` or `bad-signature`
 */
export function acceptRoot(
  text: string,
  previous: string | undefined,
  online: { snapshot: TufKey; timestamp: TufKey },
): Metadata<Root> {
  const root = readMetadata("root", text);
  sharedKeysAreInvalid(root.signed.keys);
  const before = previous === undefined ? undefined : readMetadata("root", previous);
  if (root.signed.version !== (before?.signed.version ?? 0) + 1) {
    throw new SutureError(
      "conflict",
      `Root version ${root.signed.version} does not follow ${before?.signed.version ?? 0}`,
    );
  }
  if (!root.signed.consistentSnapshot) throw new SutureError("invalid-metadata", "Suture wants consistent snapshots");
  for (const role of ["snapshot", "timestamp"] as const) {
    const ids = root.signed.roles[role]?.keyIDs ?? [];
    if (ids.length !== 1 || root.signed.keys[ids[0] ?? ""]?.keyVal.public !== online[role].keyval.public) {
      throw new SutureError("invalid-metadata", `The ${role} role must have the service's key and no other`);
    }
  }
  signedBy(root, "root", root);
  if (before !== undefined) signedBy(before, "root", root);
  return root;
}

/**
 * Accepts top-level targets: signed as the root says, and delegating each `product.channel` to its own path only.
 * @throws SutureError `invalid-metadata` or `bad-signature`
 */
export function acceptTargets(text: string, root: Metadata<Root>): Metadata<Targets> {
  const targets = readMetadata("targets", text);
  if (Object.keys(targets.signed.targets).length > 0) {
    throw new SutureError(
      "invalid-metadata",
      "Top-level targets only delegates; patches belong to a product's channel",
    );
  }
  sharedKeysAreInvalid(targets.signed.delegations?.keys ?? {});
  for (const role of Object.values(targets.signed.delegations?.roles ?? {})) {
    const [product = "", channel = "", ...rest] = role.name.split(".");
    const path = `${product}/${channel}/*`;
    if (rest.length > 0 || !role.terminating || role.paths?.length !== 1 || role.paths[0] !== path) {
      throw new SutureError(
        "invalid-metadata",
        `Role ${role.name} must be product.channel, terminating, for ${path} alone`,
      );
    }
  }
  signedBy(root, "targets", targets);
  return targets;
}

/** The roles of the service's own repository, and whether the service itself signs them (design: "Trust"). */
const serviceRoles = { "plan-keys": "planKeys", recalls: "recalls", agent: null, vendors: null } as const;

/**
 * Accepts the service's own targets: they delegate its four roles, each to its own path, and the online ones to the service's keys and
 * nobody else's.
 * @throws SutureError `invalid-metadata` or `bad-signature`
 */
export function acceptServiceTargets(
  text: string,
  root: Metadata<Root>,
  online: { planKeys: TufKey; recalls: TufKey },
): Metadata<Targets> {
  const targets = readMetadata("targets", text);
  if (Object.keys(targets.signed.targets).length > 0)
    throw new SutureError("invalid-metadata", "The service's targets only delegate");
  const { keys = {}, roles = {} } = targets.signed.delegations ?? {};
  sharedKeysAreInvalid(keys);
  const found = Object.values(roles ?? {});
  if (
    found
      .map(({ name }) => name)
      .sort()
      .join() !== Object.keys(serviceRoles).sort().join()
  )
    throw new SutureError("invalid-metadata", `The service's targets delegate ${Object.keys(serviceRoles).join(", ")}`);
  for (const { name, terminating, paths, keyIDs } of found) {
    if (!terminating || paths?.length !== 1 || paths[0] !== `${name}/*`)
      throw new SutureError("invalid-metadata", `Role ${name} must be terminating, for ${name}/* alone`);
    const own = serviceRoles[name as keyof typeof serviceRoles];
    if (own === null) continue;
    if (keyIDs.length !== 1 || keys[keyIDs[0] ?? ""]?.keyVal.public !== online[own].keyval.public)
      throw new SutureError("invalid-metadata", `The ${name} role must have the service's key and no other`);
  }
  signedBy(root, "targets", targets);
  return targets;
}

/**
 * Accepts a product channel's role: signed as the vendor's targets say, naming only files under its own path.
 * @throws SutureError `not-found` for a role that is not delegated, `invalid-metadata`, `bad-signature`
 */
export function acceptRole(text: string, role: string, targets: Metadata<Targets>): Metadata<Targets> {
  const delegation = targets.signed.delegations?.roles?.[role];
  if (delegation === undefined) throw new SutureError("not-found", `The targets do not delegate ${role}`);
  const metadata = readMetadata("targets", text);
  const paths = Object.keys(metadata.signed.targets);
  if (paths.length > maxFilesPerRole)
    throw new SutureError("invalid-metadata", `More than ${maxFilesPerRole} files in ${role}`);
  if (metadata.signed.delegations !== undefined)
    throw new SutureError("invalid-metadata", `${role} may not delegate further`);
  for (const path of paths) {
    if (!delegation.isDelegatedPath(path))
      throw new SutureError("invalid-metadata", `${path} does not belong to ${role}`);
  }
  signedBy(targets, role, metadata);
  return metadata;
}

function signedBy(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  metadata: Metadata<Root> | Metadata<Targets>,
): void {
  try {
    (delegator as Metadata<Root>).verifyDelegate(role, metadata);
  } catch (cause) {
    throw new SutureError("bad-signature", `${role} does not have the signatures that it needs`, { cause });
  }
}

function sharedKeysAreInvalid(keys: Parameters<typeof refuseSharedKeys>[0]): void {
  try {
    refuseSharedKeys(keys);
  } catch (cause) {
    throw new SutureError("invalid-metadata", "One key stands under two ids", { cause });
  }
}
