import type { DelegatedEngine } from "./wire/host.ts";

/** A level taken apart: only within one `line` is one higher than another. */
type Level = { line: string; numbers: number[] };

/**
 * Compares what two levels of one client hold: below 0 where `one` holds less, 0 where they are equal; null where they cannot be
 * compared. Pure: service and agent ask the same question and get the same answer.
 *
 * - `ksplice`: effective kernels, `5.15.0-208.159.3.el9uek.x86_64`; the line is the upstream version and the distribution's tag, its minor release aside
 * - `canonical`: patch versions, `104.1`; one line
 * - `hotpatch`: OS builds, `26100.3981` or what the system calls its release, `10.0.26100`; the line is the build
 */
export function compareLevels(engine: DelegatedEngine, one: string, other: string): number | null {
  const [a, b] = [parsers[engine](one), parsers[engine](other)];
  if (a === null || b === null || a.line !== b.line) return null;
  const length = Math.max(a.numbers.length, b.numbers.length);
  for (let at = 0; at < length; at++) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a client that has `level` in has what `wanted` asks for. */
export function reaches(engine: DelegatedEngine, level: string | null, wanted: string): boolean {
  const difference = level === null ? null : compareLevels(engine, level, wanted);
  return difference !== null && difference >= 0;
}

const parsers: Readonly<Record<DelegatedEngine, (text: string) => Level | null>> = {
  ksplice(text) {
    const [, upstream, numbers, tag = ""] = /^(\d+\.\d+\.\d+)-(\d+(?:\.\d+)*)(?:[.-]([a-z].*))?$/.exec(text) ?? [];
    if (upstream === undefined || numbers === undefined) return null;
    return {
      line: `${upstream} ${tag.replace(/\.?(?:x86_64|aarch64)$/, "").replace(/^(el\d+)_\d+/, "$1")}`,
      numbers: numbersOf(numbers),
    };
  },
  canonical: (text) => (/^\d+\.\d+$/.test(text) ? { line: "", numbers: numbersOf(text) } : null),
  hotpatch(text) {
    const [, build, revision = "0"] = /^(?:10\.0\.)?(\d{5})(?:\.(\d+))?$/.exec(text) ?? [];
    return build === undefined ? null : { line: build, numbers: [Number(revision)] };
  },
};

function numbersOf(text: string): number[] {
  return text.split(".").map(Number);
}
