import { closeSync, openSync, readSync, statSync } from "node:fs";
import { buildOf, longestRead } from "../../../protocol/build-id.ts";
import type { HostFacts } from "../../../protocol/wire/host.ts";
import {
  ifReadable,
  listProcesses,
  type Mapping,
  mappedFilePaths,
  outlineOf,
  readCodeMappings,
} from "../../system/proc.ts";

/** Facts hold no more builds than this (protocol/wire/host.ts). */
const maxBuilds = 4096;

/** Knows which builds run in which processes. Files are read once, by device, inode, time and size. */
export type BuildScanner = {
  /** Every build that a visible process runs code from, as facts. */
  scan(): HostFacts["builds"];
  /** The processes that run a build, in order of number. */
  processesOf(buildId: string): number[];
  /** Whether a process runs one of the builds; false where it cannot be read. */
  runsAny(pid: number, buildIds: ReadonlySet<string>): boolean;
  /** The files of those builds that processes run, each `device:inode`, by build. */
  filesOf(buildIds: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether a mapping is of a build. */
  isBuild(pid: number, mapping: Mapping, buildId: string): boolean;
};

/** A string of its own: V8 keeps the text of all mappings for as long as a piece of it is kept. */
function copyOf(piece: string): string {
  return Buffer.from(piece).toString();
}

/** Files of one pass, by device, inode and path, and the build of each. */
type Seen = Map<string, string | null | undefined>;
/** The builds of a process with their paths; `isWhole` where each of its files could be read. */
type Found = { builds: ReadonlyMap<string, string>; isWhole: boolean };

/** A scanner of the processes that this one may look at, itself excepted. */
export function createBuildScanner(): BuildScanner {
  const known = new Map<string, string | null>();

  /** Null for a file that is no build; undefined where it cannot be read now. */
  const buildIdOfMapping = (pid: number, mapping: Mapping): string | null | undefined => {
    for (const path of mappedFilePaths(pid, mapping)) {
      const found = ifReadable(() => {
        const { dev, ino, mtimeMs, size } = statSync(path);
        const key = `${dev}:${ino}:${mtimeMs}:${size}`;
        const buildId = known.has(key) ? (known.get(key) ?? null) : readBuild(path);
        known.set(key, buildId);
        return { buildId };
      });
      if (found) return found.buildId;
    }
    return undefined;
  };

  /** The builds of one process with their paths; a file that was `seen` is not looked at again. */
  const buildsOf = (pid: number, seen: Seen): Found => {
    const builds = new Map<string, string>();
    if (pid === process.pid) return { builds, isWhole: true };
    const mappings = ifReadable(() => readCodeMappings(pid));
    let isWhole = mappings !== undefined;
    for (const mapping of mappings ?? []) {
      const key = `${mapping.file} ${mapping.path}`;
      const buildId = seen.has(key) ? seen.get(key) : buildIdOfMapping(pid, mapping);
      // what could not be read, as of a process that is just ending, may be readable by the next one
      if (buildId !== undefined) seen.set(key, buildId);
      if (buildId === undefined) isWhole = false;
      else if (buildId !== null && !builds.has(buildId)) builds.set(buildId, copyOf(mapping.path));
    }
    return { builds, isWhole };
  };

  /** Calls back for each build of each process; within one pass a file is looked at once. */
  const visit = (find: typeof buildsOf, onBuild: (pid: number, buildId: string, path: string) => void) => {
    const seen: Seen = new Map();
    for (const pid of listProcesses()) {
      for (const [buildId, path] of find(pid, seen).builds) onBuild(pid, buildId, path);
    }
  };

  /** For facts alone, what was found in a process that has the same outline since: reading its mappings costs six times as much. */
  const remembered = () => {
    const before = outlined;
    outlined = new Map();
    return (pid: number, seen: Seen): Found => {
      const outline = outlineOf(pid);
      const last = before.get(pid);
      const found = last !== undefined && last.outline === outline ? last.found : buildsOf(pid, seen);
      if (found.isWhole && outline !== undefined) outlined.set(pid, { outline, found });
      return found;
    };
  };
  let outlined = new Map<number, { outline: string; found: Found }>();

  return {
    scan() {
      const builds = new Map<string, HostFacts["builds"][number]>();
      visit(remembered(), (_, buildId, path) => {
        const { processes } = builds.get(buildId) ?? { processes: 0 };
        builds.set(buildId, { buildId, path: path.slice(0, 4096), processes: processes + 1 });
      });
      return [...builds.values()].slice(0, maxBuilds);
    },
    processesOf(wanted) {
      const processes: number[] = [];
      visit(buildsOf, (pid, buildId) => {
        if (buildId === wanted) processes.push(pid);
      });
      return processes;
    },
    filesOf(buildIds) {
      const files = new Map<string, Set<string>>();
      const seen = new Set<string>();
      for (const pid of listProcesses()) {
        for (const mapping of ifReadable(() => readCodeMappings(pid)) ?? []) {
          const key = `${mapping.file} ${mapping.path}`;
          const buildId = seen.has(key) ? undefined : buildIdOfMapping(pid, mapping);
          seen.add(key);
          if (typeof buildId === "string" && buildIds.has(buildId))
            files.set(buildId, (files.get(buildId) ?? new Set()).add(mapping.file));
        }
      }
      return files;
    },
    runsAny: (pid, wanted) => [...buildsOf(pid, new Map()).builds.keys()].some((buildId) => wanted.has(buildId)),
    isBuild: (pid, mapping, buildId) => buildIdOfMapping(pid, mapping) === buildId,
  };
}

/** Each read takes the place of the one before: thousands of files are read, and a buffer for each would stay for long. */
const buffer = Buffer.alloc(longestRead);

function readBuild(path: string): string | null {
  const file = openSync(path, "r");
  try {
    return buildOf((offset, length) => buffer.subarray(0, readSync(file, buffer, 0, length, offset)));
  } finally {
    closeSync(file);
  }
}
