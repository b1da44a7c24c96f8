import { dirname, join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Config } from "../config/config.ts";
import { readBytes } from "../system/files.ts";
import { type ReleasesFolder, releasesFolder } from "./folder.ts";
import { UpdateRecord, updateRecordFile, withFailure } from "./record.ts";
import type { Verdict } from "./trial.ts";

/** So many starts and rounds may a release fail before its first whole round with the service, until the one before it is put back. */
const mostFaults = 3;
const tooOften = `${mostFaults} starts and rounds came to nothing`;
/** So often may a trial come to nothing because the service did not answer. The old release has reached it just before. */
const mostInconclusive = 3;

/** The release that runs: its version, and the folder that it lies in. */
type Running = { version: string; folder: string };

/** The agent's own releases on this host. What it decides is on the disk before it is done, so that a kill at any moment is mended by the next start. */
export type Updates = {
  running: Running;
  hasFailed(version: string): boolean;
  /** what a check-in says of the newest release that was given up here */
  failedUpdate(): HostFacts["failedUpdate"];
  /** Puts a verified release on the disk, for trial. Throws what `ReleasesFolder.unpack` throws. */
  stage(version: string, tarball: Uint8Array): Promise<void>;
  /** The program of a release that is staged. */
  programOf(version: string): string;
  /** Takes the word of a trial: the release is the current one, on probation; or it is given up. @returns whether it is to be started */
  judge(version: string, verdict: Verdict): boolean;
  /** Called at each start, which counts as a fault until the release is proven. @returns the program to start in place of this one, where this one failed its probation */
  begin(): string | undefined;
  /** One whole round with the service is proof enough. */
  proven(): void;
  /** A round failed, and not because the service is away. */
  fault(): void;
  /** Whether this release is to give way to the one before it, which the next `begin` does. */
  isGivenUp(): boolean;
  /** That the service does not answer says nothing against the release that runs. */
  excuse(): void;
};

/** Where the launcher looks for newer releases (agent/package/launcher.sh). What is started without it would fetch them for nobody. */
const releasesVariable = "SUTURE_RELEASES";

/** The agent's releases; null where no launcher started one of them, or its host is updated by other means (`self_update`). */
export function openUpdates({ self_update: isOn }: Pick<Config, "self_update">): Updates | null {
  const folder = dirname(process.argv[1] ?? "");
  const releases = process.env[releasesVariable];
  if (!isOn || releases === undefined || readBytes(join(folder, "VERSION")) === undefined) return null;
  return updatesOf(releases, { version: packageJson.version, folder });
}

/** As `openUpdates`, for a release that is said to run. */
export function updatesOf(root: string, running: Running, folder: ReleasesFolder = releasesFolder(root)): Updates {
  const file = updateRecordFile(root);
  const read = (): UpdateRecord => file.read() ?? UpdateRecord.parse({});
  let isOnProbation = read().probation?.version === running.version;
  const programIn = (place: string) => join(place, "bin/suture-agent");

  const count = (more: number) => {
    const record = read();
    if (!isOnProbation || record.probation === null) return;
    const faults = Math.max(0, record.probation.faults + more);
    file.write({ ...record, probation: { ...record.probation, faults } });
  };

  return {
    running,
    hasFailed: (version) => read().failed.some((each) => each.version === version),
    failedUpdate: () => read().failed.at(-1),
    async stage(version, tarball) {
      await folder.unpack(version, tarball);
    },
    programOf: (version) => programIn(folder.pathOf(version)),
    judge(version, verdict) {
      const record = read();
      if (verdict.passed) {
        file.write({ ...record, inconclusive: null, probation: { version, from: running.folder, faults: 0 } });
        folder.point(folder.pathOf(version));
        return true;
      }
      const trials = verdict.wasAway
        ? 1 + (record.inconclusive?.version === version ? record.inconclusive.trials : 0)
        : mostInconclusive;
      if (trials < mostInconclusive) file.write({ ...record, inconclusive: { version, trials } });
      else file.write(withFailure(record, version, verdict.why));
      folder.prune([running.folder, folder.current() ?? running.folder]);
      return false;
    },
    begin() {
      const record = read();
      const { probation } = record;
      if (probation === null) return undefined;
      if (!isOnProbation) {
        // Killed beside a change of the link, or a package was installed since: what runs now is what counts
        const gaveUp = probation.faults >= mostFaults;
        file.write({ ...(gaveUp ? withFailure(record, probation.version, tooOften) : record), probation: null });
        return undefined;
      }
      if (probation.faults < mostFaults) {
        count(1);
        return undefined;
      }
      // First the link: killed in between, the next start of the other release finds the rest
      folder.point(probation.from.startsWith(folder.pathOf("")) ? probation.from : null);
      file.write({ ...withFailure(record, running.version, tooOften), probation: null });
      return programIn(probation.from);
    },
    proven() {
      if (!isOnProbation) return;
      const record = read();
      file.write({ ...record, probation: null });
      isOnProbation = false;
      folder.prune([running.folder, ...(record.probation === null ? [] : [record.probation.from])]);
    },
    fault: () => count(1),
    isGivenUp: () => isOnProbation && (read().probation?.faults ?? 0) >= mostFaults,
    excuse: () => count(-1),
  };
}
