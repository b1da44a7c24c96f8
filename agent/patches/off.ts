import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ifPresent } from "../system/proc.ts";

/**
 * Why this agent is to touch nothing: the kernel was booted with `suture=off`, or there is a file `off` in the state directory.
 * For a host that does not come up, or that nobody is to change for a while. Undefined where it may work.
 */
export function whyOff(state: string): string | undefined {
  const parameters = ifPresent(() => readFileSync("/proc/cmdline", "utf8"))?.split(/\s+/) ?? [];
  if (parameters.includes("suture=off")) return "the kernel was booted with suture=off";
  return existsSync(join(state, "off")) ? `there is a file ${join(state, "off")}` : undefined;
}
