import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Coverage, SupportMatrix } from "../../protocol/wire/support.ts";

const day = 86_400;

/** How one thing that runs on a machine is covered. `until` is in seconds since the epoch, the first that is not covered. */
export type Covered = { what: string; coverage: Coverage; until?: number };

/**
 * How a product's support matrix covers what runs on a machine: its kernel, where the product is for kernels, and each build of the
 * product's programs. A machine that runs nothing of the product has nothing to be covered.
 * @param now seconds since the epoch
 */
export function coverageOf({ kernels, builds, programs }: SupportMatrix, facts: HostFacts, now: number): Covered[] {
  const found: Covered[] = [];
  if (kernels.length > 0) {
    const entries = kernels.filter(({ kernel, arch }) => kernel === facts.kernel && arch === facts.arch);
    found.push({ what: `kernel ${facts.kernel}`, ...best(entries, now) });
  }
  for (const { buildId, path } of facts.builds) {
    const entries = builds.filter((entry) => entry.buildId === buildId && entry.arch === facts.arch);
    if (entries.length > 0 || programs.includes(path)) {
      found.push({ what: `build ${buildId} of ${path}`, ...best(entries, now) });
    }
  }
  return found;
}

/** Something whose support ends, and when that is to be said: `dueAt` and `until` in seconds since the epoch. */
export type SupportWarning = {
  what: string;
  title: string;
  word: "ends in 30 days" | "ends in 7 days" | "has ended";
  dueAt: number;
  until: number;
  concerns: (facts: Pick<HostFacts, "kernel" | "arch" | "builds">) => boolean;
};

const stages = [
  { before: 0, word: "has ended" },
  { before: 7 * day, word: "ends in 7 days" },
  { before: 30 * day, word: "ends in 30 days" },
] as const;

/** The warning that each entry of a matrix has come to, of those that are due. @param now seconds since the epoch */
export function dueWarnings({ kernels, builds }: SupportMatrix, now: number): SupportWarning[] {
  const entries = [
    ...kernels.map(({ kernel, arch, ...rest }) => ({
      ...rest,
      what: `kernel ${kernel}`,
      concerns: (facts: Pick<HostFacts, "kernel" | "arch">) => facts.kernel === kernel && facts.arch === arch,
    })),
    ...builds.map(({ buildId, arch, ...rest }) => ({
      ...rest,
      what: `build ${buildId}`,
      concerns: (facts: Pick<HostFacts, "arch" | "builds">) =>
        facts.arch === arch && facts.builds.some((build) => build.buildId === buildId),
    })),
  ];
  return entries.flatMap(({ what, title, until: lastDay, concerns }): SupportWarning[] => {
    const until = endOf(lastDay);
    const stage = stages.find(({ before }) => until - before <= now);
    return stage === undefined ? [] : [{ what, title, word: stage.word, dueAt: until - stage.before, until, concerns }];
  });
}

/** The first moment that is not covered any more. */
function endOf(lastDay: string): number {
  return Date.parse(`${lastDay}T00:00:00Z`) / 1000 + day;
}

/** Where two entries speak of one thing the longer promise counts. */
function best(entries: readonly { until: string }[], now: number): Omit<Covered, "what"> {
  if (entries.length === 0) return { coverage: "outside" };
  const until = Math.max(...entries.map((entry) => endOf(entry.until)));
  const left = until - now;
  if (left <= 0) return { coverage: "ended", until };
  if (left <= 7 * day) return { coverage: "ends-in-7-days", until };
  return { coverage: left <= 30 * day ? "ends-in-30-days" : "covered", until };
}
