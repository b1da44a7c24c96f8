import { setTimeout as sleep } from "node:timers/promises";
import { isSutureError, SutureError } from "../protocol/errors.ts";
import { digestOf, type FileDigest, filesOf, newTargets, readMetadata, signMetadata } from "../protocol/trust/edit.ts";
import { parseJson } from "../protocol/wire/parse.ts";
import { Recalls } from "../protocol/wire/patch.ts";
import type { Publication } from "../protocol/wire/publication.ts";
import { carryOut, newProposal, type Outcome } from "./ceremony/carry-out.ts";
import { heldKeys } from "./ceremony/held-keys.ts";
import { delegationsIn, valid } from "./ceremony/next-metadata.ts";
import { newestText, type Repository, vendorRepository } from "./ceremony/repository.ts";
import type { VendorSession } from "./session.ts";

const retries = 5;

/** Which of a vendor's product channels: its role, and the path that its files lie under. */
type ProductChannel = { product: string; channel: string };
/** What a role says: its files, and what is withdrawn. */
export type RoleContent = { files: ReadonlyMap<string, FileDigest>; recalls: Recalls["recalls"] };
/** A change to a role: files to add by path, paths to take out, patches to recall. */
export type RoleChange = {
  add?: ReadonlyMap<string, string>;
  /** files that were named before and are named again: the service keeps their texts */
  restore?: ReadonlyMap<string, FileDigest>;
  remove?: readonly string[];
  recall?: Recalls["recalls"];
  /** statements about the patches that are added, by the path of the manifest, not signed yet */
  publications?: Readonly<Record<string, Publication>>;
  /** why a patch goes to stable without evidence */
  override?: string;
};

/**
 * `decide` says what is to change, from what the role says now; undefined where nothing is. `send` takes the result where it does not
 * go to the service.
 */
type Edit = {
  why: string;
  now: () => Date;
  decide: (content: RoleContent) => RoleChange | undefined;
  send?: Repository["send"] | undefined;
};

/**
 * Changes a role: edits its newest version, signs the result and sends it. Where somebody else was first, their version is edited
 * instead, up to five times. Where the keys at hand are too few, the result is a proposal that travels.
 * @returns the role's version, whether it is new, and what waits for other signers
 * @throws SutureError `conflict` when others were first every time; `bad-signature` where no key at hand may sign; whatever `decide`
 * and the service throw
 */
export async function editRole(
  { client, vendor, folder }: VendorSession,
  { product, channel }: ProductChannel,
  { why, now, decide, send }: Edit,
): Promise<{ version: number; changed: boolean; waiting?: Outcome }> {
  const role = `${product}.${channel}`;
  const repository = { ...vendorRepository(client, vendor), ...(send && { send }) };
  const { directory } = folder;
  const by = await newestText(repository, "targets");
  await requireSigner(directory, by, role);
  for (let attempt = 0; ; attempt++) {
    const { version, ...content } = await newestContent(repository, role);
    const change = decide(content);
    if (change === undefined) return { version, changed: false };
    const { files, texts } = apply(content, change, `${product}/${channel}/recalls.json`);
    const heading = { version: version + 1, expires: new Date(now().getTime() + valid.role) };
    const text = await signMetadata(newTargets(heading, files), []);
    const { override, publications } = change;
    const more = { ...(override !== undefined && { override }), ...(publications && { publications }) };
    const place = { repository, directory, now: now() };
    const proposal = newProposal(place, { role, why, by, text, files: Object.fromEntries(texts), ...more });
    try {
      const outcome = await carryOut(place, proposal);
      if (!outcome.json.submitted) return { version, changed: false, waiting: outcome };
      return { version: outcome.json.version, changed: true };
    } catch (error) {
      // A conflict with a version is a lost race; any other is a refusal
      if (attempt === retries || !isSutureError(error, "conflict") || error.data.version === undefined) throw error;
      await sleep(50 * 2 ** attempt * Math.random());
    }
  }
}

async function requireSigner(directory: string, targets: string, role: string): Promise<void> {
  const delegation = delegationsIn(targets).find((each) => each.role === role);
  if (delegation === undefined) throw new SutureError("not-found", `The vendor's targets do not delegate ${role}`);
  const ids = new Set(delegation.keys.map(({ keyid }) => keyid));
  if ((await heldKeys(directory)).some(({ signer }) => ids.has(signer.key.keyid))) return;
  throw new SutureError("bad-signature", `No key in ${directory} may sign ${role}`);
}

async function newestContent(repository: Repository, role: string): Promise<RoleContent & { version: number }> {
  const view = await repository.newest(role);
  if (view === undefined) return { version: 0, files: new Map(), recalls: [] };
  const files = filesOf(readMetadata("targets", view.text).signed);
  const recalls = view.recalls === undefined ? [] : parseJson(Recalls, view.recalls, "recalls.json").recalls;
  return { version: view.version, files, recalls };
}

/** The role's files after a change, in the order of their paths, and the texts of those that are new. */
function apply(content: RoleContent, change: RoleChange, recallsPath: string) {
  const { add = new Map(), restore = new Map(), remove = [], recall = [] } = change;
  const texts = new Map(add);
  if (recall.length > 0) texts.set(recallsPath, JSON.stringify({ recalls: [...content.recalls, ...recall] }));
  const files = new Map(content.files);
  for (const path of remove) files.delete(path);
  for (const [path, digest] of restore) files.set(path, digest);
  for (const [path, text] of texts) files.set(path, digestOf(Buffer.from(text)));
  return { texts, files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))) };
}
