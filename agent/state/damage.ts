import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openJournal } from "../engines/elf/journal.ts";
import { damagedEnd } from "../system/files.ts";
import { ifPresent } from "../system/proc.ts";
import { journalFile } from "./journal.ts";
import type { PatchesStore } from "./patches.ts";

/**
 * The files of the state directory that were damaged and set aside, by their paths in it. Reads, too, the files that a round must not do
 * without, so that whoever asks hears of one that is damaged before the next round stops at it.
 * @throws SutureError `state-damaged` for such a file
 */
export function damagedFiles(directory: string, patches: Pick<PatchesStore, "recalled">): string[] {
  journalFile(directory).read();
  patches.recalled();
  if (process.platform === "linux") openJournal(join(directory, "elf")).all();
  const folders = ["", "repositories", "receipts", "elf"];
  const isThere = folders.flatMap((folder) =>
    (ifPresent(() => readdirSync(join(directory, folder))) ?? [])
      .filter((name) => name.endsWith(damagedEnd))
      .map((name) => join(folder, name)),
  );
  return isThere.sort();
}
