import type { Stats } from "node:fs";

/**
 * Why a file or folder is not to be acted upon: somebody else than root, or the user that this agent runs as, can change it.
 * Undefined where nobody else can. On Windows neither is told here: there the folder's access list decides (agent/windows/install.cmd).
 */
export function whyChangeable({ uid, mode }: Pick<Stats, "uid" | "mode">): string | undefined {
  if (process.platform === "win32") return undefined;
  if (uid !== 0 && uid !== process.geteuid?.()) return `it belongs to user ${uid}, not to root`;
  return (mode & 0o022) === 0 ? undefined : "others than its owner may write to it";
}

/** What others than the owner may do, by a mode's bits; none on Windows, where the folder's access list decides. */
export function othersMay({ mode }: Pick<Stats, "mode">): number {
  return process.platform === "win32" ? 0 : mode & 0o077;
}
