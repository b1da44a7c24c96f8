import { SutureError } from "../../protocol/errors.ts";
import { type Delegation, digestOf, filesOf, type RoleKeys, readMetadata } from "../../protocol/trust/edit.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, Recalls } from "../../protocol/wire/patch.ts";
import { PublicationStatement } from "../../protocol/wire/publication.ts";
import { delegationsIn, isSame, rolesIn } from "./next-metadata.ts";
import type { Proposal } from "./proposal.ts";

/**
 * What somebody who signs a proposal puts their name to, read from what is signed and not from what the file says of itself.
 * @throws SutureError `invalid-metadata` where the file carries a text that is not the one that is to be signed
 */
export function whatItSays({ role, by, text, files = {}, publications = {} }: Proposal): string[] {
  const { version, expires } = readMetadata(role === "root" ? "root" : "targets", text).signed;
  const heading = `version ${version}, until ${expires}`;
  if (role === "root") return [heading, ...keyLines(Object.entries(rolesIn(text)), by === null ? {} : rolesIn(by))];
  const delegations = delegationsIn(text).map((each): [string, Delegation] => [each.role, each]);
  const digests = filesOf(readMetadata("targets", text).signed);
  const carried = Object.entries(files).map(([path, content]) => {
    if (digests.get(path)?.sha256 !== digestOf(Buffer.from(content)).sha256)
      throw new SutureError("invalid-metadata", `${path} in the file is not the one that is to be signed`);
    return `new: ${path}${titleOf(path, content)}`;
  });
  const statements = Object.entries(publications).map(([path, { statement }]) => {
    const payload = Buffer.from(statement.payload, "base64").toString("utf8");
    const { subject, predicate } = parseJson(PublicationStatement, payload, path, "invalid-metadata");
    if (subject[0]?.digest.sha256 !== digests.get(path)?.sha256)
      throw new SutureError("invalid-metadata", `The statement of ${path} in the file is about something else`);
    return `statement of ${predicate.patch}, with ${predicate.provenance.length} provenance`;
  });
  const kept = digests.size - carried.length;
  return [
    heading,
    ...carried,
    ...statements,
    ...(kept > 0 ? [`${kept} files as before or uploaded before`] : []),
    ...keyLines(delegations, {}),
  ];
}

function keyLines(
  roles: readonly (readonly [string, RoleKeys])[],
  before: Readonly<Record<string, RoleKeys>>,
): string[] {
  return roles.map(([role, keys]) => {
    const known = before[role];
    const ids = keys.keys.map(({ keyid }) => keyid.slice(0, 16)).join(", ");
    return `${role}: ${keys.threshold} of ${ids}${known === undefined || isSame(known, keys) ? "" : " (changed)"}`;
  });
}

function titleOf(path: string, content: string): string {
  if (path.endsWith("/recalls.json")) {
    const last = parseJson(Recalls, content, path, "invalid-metadata").recalls.at(-1);
    return last === undefined ? "" : ` (withdraws ${last.patch}: ${last.reason})`;
  }
  if (!/@\d+\.json$/.test(path)) return ` (SHA-256 ${digestOf(Buffer.from(content)).sha256})`;
  const { title, severity } = parseJson(Manifest, content, path, "invalid-metadata");
  return ` (${title}, ${severity})`;
}
