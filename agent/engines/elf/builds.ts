import { isSutureError } from "../../../protocol/errors.ts";
import type { HostFacts } from "../../../protocol/wire/host.ts";
import { look } from "../../system/looks.ts";
import { type Mapping, readCodeMappings, readMappings } from "../../system/mappings.ts";
import { listProcesses, outlineOf } from "../../system/proc.ts";
import { ifReadable } from "../../system/system-errors.ts";
import { hostShare, shareOf } from "../../system/trust-domain.ts";
import { createBuildFiles } from "./build-files.ts";
import { createFileCache } from "./file-cache.ts";
import { fileOf, isOfFile } from "./image.ts";
import { movedModules } from "./modules.ts";
import { dealOut, type Running } from "./shares.ts";

/** What facts say of builds, and of what is left out. */
type BuildFacts = Pick<HostFacts, "builds" | "unreported">;

/** Knows which builds run in which processes. */
export type BuildScanner = {
  /** Every build that a visible process runs code from, as facts; those that patches ask for in any case. */
  scan(wanted?: ReadonlySet<string>): BuildFacts;
  /** The processes that run a build, in order of number. */
  processesOf(buildId: string): number[];
  /** Whether a process runs one of the builds; false where it cannot be read. */
  runsAny(pid: number, buildIds: ReadonlySet<string>): boolean;
  /** The files of those builds that processes run, each `device:inode`, by build. */
  filesOf(buildIds: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether a mapping is of a build. */
  isBuild(pid: number, mapping: Mapping, buildId: string): boolean;
};

/** Longer paths are cut off: they are there to be read by people. */
const longestPath = 512;

/** A string of its own: V8 keeps the text of all mappings for as long as a piece of it is kept. */
function copyOf(piece: string): string {
  return Buffer.from(piece).toString();
}

/** A build as a process runs it. */
type Part = { path: string; file: string };
/** The builds of a process; `isWhole` where each of its files could be read. `why` it could not be looked at, where that is so. */
type Found = { builds: ReadonlyMap<string, Part>; isWhole: boolean; why?: string };
/** Files of one pass, and the build of each. */
type Seen = Map<string, string | null | undefined>;

/** A scanner of the processes that this one may look at, itself excepted. */
export function createBuildScanner(now = () => performance.now()): BuildScanner {
  const files = createBuildFiles(now);
  const cache = createFileCache();

  /** The builds of one process; a file that was `seen` is not looked at again. */
  const buildsOf = (pid: number, seen: Seen): Found => {
    const builds = new Map<string, Part>();
    if (pid === process.pid) return { builds, isWhole: true };
    let isWhole = true;
    const identify = (mapping: Mapping) => {
      const key = fileOf(mapping);
      const buildId = seen.has(key) ? seen.get(key) : files.buildOf(pid, mapping);
      // what could not be read, as of a process that is just ending, may be readable by the next one
      if (buildId !== undefined) seen.set(key, buildId);
      if (buildId === undefined) isWhole = false;
      else if (buildId !== null && !builds.has(buildId))
        builds.set(buildId, { path: copyOf(mapping.path.slice(0, longestPath)), file: mapping.file });
      return typeof buildId === "string";
    };
    const lookInto = () => {
      const code = ifReadable(() => readCodeMappings(pid));
      const strange = (code ?? []).filter((mapping) => !(isOfFile(mapping) && identify(mapping)));
      // code of no file: it may be a program's own that was moved
      if (strange.some(({ path }) => !path.startsWith("[v")))
        for (const { mappings } of movedModules(pid, cache, readMappings(pid))) if (mappings[0]) identify(mappings[0]);
      return { builds, isWhole: isWhole && code !== undefined };
    };
    try {
      return look(pid, lookInto);
    } catch (error) {
      if (isSutureError(error, "unsupported")) return { builds, isWhole: false, why: error.message };
      if (error instanceof Error && "code" in error) return { builds, isWhole: false };
      throw error;
    }
  };

  /** Calls back for each process; within one pass a file is looked at once. */
  const visit = (find: typeof buildsOf, onProcess: (pid: number, found: Found) => void) => {
    const seen: Seen = new Map();
    for (const pid of listProcesses()) onProcess(pid, find(pid, seen));
  };

  /** For facts alone, what was found in a process that has the same outline since: reading its mappings costs six times as much. */
  const remembered = () => {
    const before = outlined;
    outlined = new Map();
    return (pid: number, seen: Seen): Found & { share: string | undefined } => {
      const outline = outlineOf(pid);
      const last = before.get(pid);
      const isSame = last !== undefined && last.outline === outline;
      const found = isSame ? last.found : { ...buildsOf(pid, seen), share: shareOf(pid) };
      if (found.isWhole && outline !== undefined) outlined.set(pid, { outline, found });
      return found;
    };
  };
  let outlined = new Map<number, { outline: string; found: Found & { share: string | undefined } }>();

  return {
    scan(wanted = new Set()) {
      const running = new Map<string, Running & { shares: Set<string> }>();
      const unread = new Map<number, string>();
      const find = remembered();
      const seen: Seen = new Map();
      for (const pid of listProcesses()) {
        const { builds, share, why } = find(pid, seen);
        if (why !== undefined) unread.set(pid, why);
        if (share === undefined) continue;
        for (const [buildId, { path }] of builds) {
          const known = running.get(buildId) ?? { buildId, path, processes: 0, shares: new Set<string>() };
          known.processes++;
          // anybody can run a copy under any name: what the host's own processes call it is what people know
          if (share === hostShare && !known.shares.has(hostShare)) known.path = path;
          known.shares.add(share);
          running.set(buildId, known);
        }
      }
      const { builds, leftOut } = dealOut([...running.values()], wanted);
      return { builds, ...unreportedOf(leftOut, unread) };
    },
    processesOf(wanted) {
      const processes: number[] = [];
      visit(buildsOf, (pid, { builds }) => {
        if (builds.has(wanted)) processes.push(pid);
      });
      return processes;
    },
    filesOf(buildIds) {
      const found = new Map<string, Set<string>>();
      const seen: Seen = new Map();
      for (const pid of listProcesses()) {
        for (const [buildId, { file }] of buildsOf(pid, seen).builds)
          if (buildIds.has(buildId)) found.set(buildId, (found.get(buildId) ?? new Set()).add(file));
      }
      return found;
    },
    runsAny: (pid, wanted) => [...buildsOf(pid, new Map()).builds.keys()].some((buildId) => wanted.has(buildId)),
    isBuild: (pid, mapping, buildId) => files.buildOf(pid, mapping) === buildId,
  };
}

function unreportedOf(
  leftOut: ReadonlyMap<string, number>,
  unread: ReadonlyMap<number, string>,
): Pick<HostFacts, "unreported"> {
  if (leftOut.size === 0 && unread.size === 0) return {};
  const most = [...leftOut].sort(([, one], [, other]) => other - one).slice(0, 3);
  const details = [
    ...most.map(([share, count]) => `${count} builds of ${share}, which runs more than its share`),
    ...[...unread].slice(0, 3).map(([, why]) => why),
  ];
  const builds = [...leftOut.values()].reduce((sum, count) => sum + count, 0);
  return { unreported: { builds, processes: unread.size, detail: details.join("; ").slice(0, 500) } };
}
