/** Where a repository keeps a target's bytes: consistent snapshots put the hash before the file's name (section 3.2). */
export function targetFileName(path: string, sha256: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `targets/${path.slice(0, slash)}${sha256}.${path.slice(slash)}`;
}
