import type { Outcome } from "../engine.ts";

/** An update as the client names it: `[dfvn0zq8] CVE-2014-0196: Pseudo TTY device write buffer overflow.` */
type Update = { id: string; title: string };

/** What `uptrack-show` and `uptrack-show --available` print; null where it is neither. */
export type Shown = { installed: Update[] | null; available: Update[] | null; effective: string | null };

/** Reads what `uptrack-show` or `ksplice kernel show` printed. Other lines before the lists are left out, in them they are not. */
export function readShown(text: string): Shown | null {
  const shown: Shown = { installed: null, available: null, effective: null };
  let list: Update[] | undefined;
  for (const line of text.split("\n").map((each) => each.trim())) {
    const effective = /^Effective kernel version is (\S+)$/.exec(line)?.[1];
    const update = /^\[([0-9a-z]{1,16})\] ?(.*)$/.exec(line);
    if (line === "Installed updates:") list = shown.installed = [];
    else if (line === "Available updates:") list = shown.available = [];
    else if (effective !== undefined) [shown.effective, list] = [effective, undefined];
    else if (update !== null) list?.push({ id: update[1] ?? "", title: update[2] ?? "" });
    else if (line !== "" && line !== "None" && list !== undefined) return null;
  }
  return shown.installed === null && shown.available === null ? null : shown;
}

/** Exit codes of the uptrack tools (Uptrack.py of uptrack 1.2, "ERROR_…"), and what each means for an order. */
const meanings: Readonly<Record<number, readonly [code: Outcome["code"], meaning: string]>> = {
  10: ["failed", "the Ksplice server cannot be reached"],
  11: ["failed", "the client failed"],
  13: ["not-applicable", "Ksplice does not support this kernel"],
  14: ["unsupported", "the access key is not valid"],
  15: ["unsupported", "the client is too old for these updates"],
  16: ["unsupported", "the client is too old for these updates"],
  17: ["unsupported", "the subscription has expired"],
  18: ["failed", "the Ksplice server failed"],
  19: ["unsupported", "this machine is not activated with Ksplice"],
  20: ["unsupported", "the client has no access key: put it into /etc/uptrack/uptrack.conf"],
  21: ["unsupported", "/sys is not mounted"],
};

/** Whether another of the client's own processes holds its lock; it says so and exits with 1. */
export function isLocked(text: string): boolean {
  return /another Uptrack process is currently running/.test(text.replace(/\s+/g, " "));
}

/** What a failed order to the client means: its exit code, or what it prints where that is 1 for everything. */
export function readFailure(code: number | null, text: string): Pick<Outcome, "code" | "detail" | "evidence"> {
  const words = text.replace(/\s+/g, " ");
  const tasks = [...text.matchAll(/^\s*- (\S+) \(pid (\d+)\)$/gm)].map(([, task, pid]) => ({ task, pid: Number(pid) }));
  if (/constantly using the kernel functions patched/.test(words))
    return { code: "blocked", detail: "programs are in the code to be replaced", evidence: { tasks } };
  if (isLocked(words)) return { code: "blocked", detail: "the client is at work", evidence: {} };
  if (/patched off-line are currently loaded|in use by one or more kernel modules/.test(words))
    return { code: "blocked", detail: "modules that were loaded since are in the way", evidence: {} };
  if (/could not match the code|does not match the expected version|has been modified from the version/.test(words))
    return { code: "unsupported", detail: "the running kernel is not the vendor's own", evidence: {} };
  const [known, meaning] = meanings[code ?? -1] ?? (["failed", "the client did not do it"] as const);
  return { code: known, detail: meaning, evidence: {} };
}
