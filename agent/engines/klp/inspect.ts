import type { Kernel } from "./kernel.ts";
import { isLoaded, livepatchOf, taintOf } from "./livepatches.ts";
import type { KlpRecord } from "./records.ts";

/** An object of a patch: vmlinux or a module. One that is not loaded is patched by the kernel when it is. */
type ObjectState = { object: string; state: "patched" | "not-loaded" | "not-patched" };

/** What is found of a module that went in: `trouble` is empty where all of it is as it must be. */
export type Inspection = {
  trouble: string;
  objects: ObjectState[];
  taint: { before: number; after: number };
  log: string[];
};

/**
 * What the kernel logs when it is in trouble. Anchored to its own wording: a driver's "error" is no trouble of a patch. A warning begins
 * with its processor up to Linux 6.18, and with its place in the source, `WARNING: FILE:LINE at FUNCTION`, since 6.19.
 * @see kernel/panic.c, __warn
 */
const troubleInLog =
  /\bBUG: |\bOops\b|kernel BUG at|general protection fault|WARNING: (?:CPU|\S+:\d+ at )|soft lockup|hard LOCKUP|blocked for more than|livepatch: failed/;
const maxLines = 20;

/** Whether a module that went in is in whole, and the kernel was well ever since. */
export function inspect(kernel: Kernel, record: KlpRecord): Inspection {
  const livepatch = livepatchOf(kernel, record.module);
  const objects = record.objects.map((object): ObjectState => {
    const found = livepatch?.objects.find(({ name }) => name === object);
    if (found?.patched === true) return { object, state: "patched" };
    const isAbsent = object !== "vmlinux" && !isLoaded(kernel, object);
    return { object, state: isAbsent ? "not-loaded" : "not-patched" };
  });
  const taint = { before: record.before.taint, after: taintOf(kernel) };
  const log = kernel
    .log(record.before.log)
    .map(({ text }) => text)
    .filter((text) => troubleInLog.test(text))
    .slice(0, maxLines);
  return { trouble: troubleOf(record, livepatch, objects, taint, log), objects, taint, log };
}

function troubleOf(
  record: KlpRecord,
  livepatch: ReturnType<typeof livepatchOf>,
  objects: readonly ObjectState[],
  taint: { before: number; after: number },
  log: readonly string[],
): string {
  if (livepatch === undefined) return "the module is not enabled";
  if (!livepatch.enabled || livepatch.transition) return "the module is on its way in or out";
  const stray = livepatch.objects.find(({ name }) => !record.objects.includes(name));
  if (stray !== undefined) return `the module patches ${stray.name}, which its manifest does not name`;
  const missing = objects.filter(({ state }) => state === "not-patched");
  if (missing.length > 0) return `${missing.map(({ object }) => object).join(", ")} is not patched`;
  const unexpected = taint.after & ~(taint.before | record.taint);
  if (unexpected !== 0)
    return `the kernel's taint rose from ${taint.before} to ${taint.after} (${taintNames(unexpected)})`;
  return log.length > 0 ? `the kernel complains: ${log[0]}` : "";
}

/** The letters of Documentation/admin-guide/tainted-kernels.rst, by bit. */
function taintNames(taint: number): string {
  const letters = "PFSRMBUDAWCIOELKXT";
  return letters
    .split("")
    .filter((_, bit) => (taint & (1 << bit)) !== 0)
    .join("");
}
