import { join } from "node:path";
import { z } from "zod";
import type { TrustedFiles } from "../../protocol/trust/verify.ts";
import type { MetadataVersions } from "../../protocol/wire/check-in.ts";
import { makePrivateDirectory, namesIn } from "../system/files.ts";
import { cacheFile } from "./json-file.ts";

const Stored = z.object({
  root: z.number().int().min(1),
  timestamp: z.number().int().min(0),
  /** `sha256:` and the digest of the root that it began with; null where that was not noted */
  firstRoot: z.string().nullable().default(null),
  /** role → the file's text */
  files: z.record(z.string(), z.string()),
  /** path → the text of a target that was read, which is good as long as the metadata names it */
  targets: z.record(z.string(), z.string()).default({}),
});

const SnapshotVersion = z.object({ signed: z.object({ version: z.number().int().min(0) }) });

type StoredRepository = {
  versions: { root: number; timestamp: number };
  firstRoot: string | null;
  files: TrustedFiles;
  targets: ReadonlyMap<string, string>;
};

/** The verified metadata of each repository: `service`, and vendors by name. */
export type RepositoriesStore = {
  read(repository: string): StoredRepository | undefined;
  write(repository: string, stored: StoredRepository): void;
  /** what a check-in says that the machine holds */
  versions(): Record<string, MetadataVersions>;
};

/** Opens the store. A repository is one file, replaced as a whole: its roles are never of two different moments. */
export function repositoriesStore(directory: string): RepositoriesStore {
  const folder = join(directory, "repositories");
  makePrivateDirectory(folder);
  const fileOf = (repository: string) => cacheFile(join(folder, `${repository}.json`), Stored);
  return {
    read(repository) {
      const stored = fileOf(repository).read();
      if (stored === undefined) return undefined;
      const { files, targets, firstRoot, ...versions } = stored;
      return {
        versions,
        firstRoot,
        targets: new Map(Object.entries(targets)),
        files: new Map(Object.entries(files).map(([role, text]) => [role, Buffer.from(text)])),
      };
    },
    write(repository, { versions: { root, timestamp }, firstRoot, files, targets }) {
      const texts = [...files].map(([role, bytes]) => [role, Buffer.from(bytes).toString("utf8")]);
      const kept = { files: Object.fromEntries(texts), targets: Object.fromEntries(targets) };
      fileOf(repository).write({ root, timestamp, firstRoot, ...kept });
    },
    versions: () =>
      Object.fromEntries(
        namesIn(folder, ".json").map((name) => {
          const repository = name.slice(0, -".json".length);
          const { root = 1, timestamp = 0, files } = fileOf(repository).read() ?? {};
          return [repository, { root, timestamp, snapshot: snapshotVersion(files?.snapshot) }];
        }),
      ),
  };
}

/** Of a snapshot that was verified before; 0 where there is none. */
function snapshotVersion(text: string | undefined): number {
  return text === undefined ? 0 : SnapshotVersion.parse(JSON.parse(text)).signed.version;
}
