import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { renameDurably } from "../system/files.ts";
import { type Enrolment, enrolmentFile } from "./identity.ts";
import { forgetIdentity } from "./image.ts";

/** Where a new identity is made until it takes the place of the one that counts. */
export function nextIdentityFolder(state: string): string {
  return join(state, "next");
}

/** The key comes first: while it is there nothing was moved yet. The enrolment comes last: it stands for a whole identity. */
const moved = ["key.json", "repositories", "session.json", "identity.json"];

/**
 * Lets a new identity that was made take its place once the old one is gone; where that was cut off, it goes on. Without a new identity,
 * or while the old one counts, nothing happens.
 * @returns the identity that took its place; undefined where nothing happened
 */
export function takeNextIdentity(state: string): Enrolment | undefined {
  const next = nextIdentityFolder(state);
  const enrolment = enrolmentFile(next).read();
  if (enrolment === undefined || enrolmentFile(state).read() !== undefined) return undefined;
  if (existsSync(join(next, "key.json"))) forgetIdentity(state);
  for (const name of moved) if (existsSync(join(next, name))) renameDurably(join(next, name), join(state, name));
  rmSync(next, { recursive: true });
  return enrolment;
}

/** Gives up a new identity that was made, or begun. */
export function dropNextIdentity(state: string): void {
  rmSync(nextIdentityFolder(state), { recursive: true, force: true });
}
