import { join } from "node:path";
import { z } from "zod";
import type { TrustedFiles } from "../../protocol/trust/verify.ts";
import { makePrivateDirectory, namesIn } from "../system/files.ts";
import { jsonFile } from "./json-file.ts";

const Stored = z.strictObject({
  root: z.number().int().min(1),
  timestamp: z.number().int().min(0),
  /** `sha256:` and the digest of the root that it began with; null where that was not noted */
  firstRoot: z.string().nullable().default(null),
  /** role → the file's text */
  files: z.record(z.string(), z.string()),
});

type StoredRepository = {
  versions: { root: number; timestamp: number };
  firstRoot: string | null;
  files: TrustedFiles;
};

/** The verified metadata of each repository: `service`, and vendors by name. */
export type RepositoriesStore = {
  read(repository: string): StoredRepository | undefined;
  write(repository: string, stored: StoredRepository): void;
  /** what a check-in says that the machine holds */
  versions(): Record<string, { root: number; timestamp: number }>;
};

/** Opens the store. A repository is one file, replaced as a whole: its roles are never of two different moments. */
export function repositoriesStore(directory: string): RepositoriesStore {
  const folder = join(directory, "repositories");
  makePrivateDirectory(folder);
  const fileOf = (repository: string) => jsonFile(join(folder, `${repository}.json`), Stored);
  return {
    read(repository) {
      const stored = fileOf(repository).read();
      if (stored === undefined) return undefined;
      const { files, firstRoot, ...versions } = stored;
      return {
        versions,
        firstRoot,
        files: new Map(Object.entries(files).map(([role, text]) => [role, Buffer.from(text)])),
      };
    },
    write(repository, { versions: { root, timestamp }, firstRoot, files }) {
      const texts = [...files].map(([role, bytes]) => [role, Buffer.from(bytes).toString("utf8")]);
      fileOf(repository).write({ root, timestamp, firstRoot, files: Object.fromEntries(texts) });
    },
    versions: () =>
      Object.fromEntries(
        namesIn(folder, ".json").map((name) => {
          const { root, timestamp } = jsonFile(join(folder, name), Stored).read() ?? { root: 1, timestamp: 0 };
          return [name.slice(0, -".json".length), { root, timestamp }];
        }),
      ),
  };
}
