import { setTimeout as sleep } from "node:timers/promises";
import { isSutureError } from "../protocol/errors.ts";
import { digestOf, type FileDigest, filesOf, newTargets, readMetadata, signMetadata } from "../protocol/trust/edit.ts";
import type { Signer } from "../protocol/trust/signer.ts";
import { parseJson } from "../protocol/wire/parse.ts";
import { Recalls } from "../protocol/wire/patch.ts";
import type { Client } from "./client.ts";
import { newestRole, sendRole } from "./vendor-roles.ts";

const day = 86_400_000;
const roleValid = 180 * day;
const retries = 5;

/** Which of a vendor's product channels: its role, and the path that its files lie under. */
export type ChannelRole = { vendor: string; product: string; channel: string };
/** What a role says: its files, and what is withdrawn. */
export type RoleContent = { files: ReadonlyMap<string, FileDigest>; recalls: Recalls["recalls"] };
/** A change to a role: files to add by path, paths to take out, patches to recall. */
export type RoleChange = {
  add?: ReadonlyMap<string, string>;
  remove?: readonly string[];
  recall?: Recalls["recalls"];
  /** why a patch goes to stable without evidence */
  override?: string;
};

/**
 * Changes a role: edits its newest version, signs the result and sends it. Where somebody else was first, their version is edited
 * instead, up to five times.
 * @param decide what is to change, from what the role says now; undefined where nothing is
 * @returns the role's version, and whether it is new
 * @throws SutureError `conflict` when others were first every time; whatever `decide` and the service throw
 */
export async function editRole(
  client: Client,
  channel: ChannelRole,
  {
    signer,
    now,
    decide,
  }: { signer: Signer; now: () => Date; decide: (content: RoleContent) => RoleChange | undefined },
): Promise<{ version: number; changed: boolean }> {
  const role = `${channel.product}.${channel.channel}`;
  for (let attempt = 0; ; attempt++) {
    const { version, ...content } = await newestContent(client, channel.vendor, role);
    const change = decide(content);
    if (change === undefined) return { version, changed: false };
    const { files, texts } = apply(content, change, `${channel.product}/${channel.channel}/recalls.json`);
    const heading = { version: version + 1, expires: new Date(now().getTime() + roleValid) };
    const text = await signMetadata(newTargets(heading, files), [signer]);
    try {
      const accepted = await sendRole(client, channel.vendor, role, {
        text,
        files: Object.fromEntries(texts),
        ...(change.override !== undefined && { override: change.override }),
      });
      return { version: accepted.version, changed: true };
    } catch (error) {
      // A conflict with a version is a lost race; any other is a refusal
      if (attempt === retries || !isSutureError(error, "conflict") || error.data.version === undefined) throw error;
      await sleep(50 * 2 ** attempt * Math.random());
    }
  }
}

async function newestContent(client: Client, vendor: string, role: string): Promise<RoleContent & { version: number }> {
  const view = await newestRole(client, vendor, role);
  if (view === undefined) return { version: 0, files: new Map(), recalls: [] };
  const files = filesOf(readMetadata("targets", view.text).signed);
  const recalls = view.recalls === undefined ? [] : parseJson(Recalls, view.recalls, "recalls.json").recalls;
  return { version: view.version, files, recalls };
}

/** The role's files after a change, in the order of their paths, and the texts of those that are new. */
function apply(content: RoleContent, { add = new Map(), remove = [], recall = [] }: RoleChange, recallsPath: string) {
  const texts = new Map(add);
  if (recall.length > 0) texts.set(recallsPath, JSON.stringify({ recalls: [...content.recalls, ...recall] }));
  const files = new Map(content.files);
  for (const path of remove) files.delete(path);
  for (const [path, text] of texts) files.set(path, digestOf(Buffer.from(text)));
  return { texts, files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))) };
}
