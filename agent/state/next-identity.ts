import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { renameDurably } from "../system/files.ts";
import { enrolmentFile } from "./identity.ts";
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
 */
export function takeNextIdentity(state: string): void {
  const next = nextIdentityFolder(state);
  if (enrolmentFile(next).read() === undefined || enrolmentFile(state).read() !== undefined) return;
  if (existsSync(join(next, "key.json"))) forgetIdentity(state);
  for (const name of moved) if (existsSync(join(next, name))) renameDurably(join(next, name), join(state, name));
  rmSync(next, { recursive: true });
}
