import type { LoadedLivepatch } from "../../../protocol/wire/host.ts";
import type { Kernel } from "./kernel.ts";

const root = "/sys/kernel/livepatch";

/** A livepatch module as sysfs shows it. `enabled` alone is not yet patched: `transition` must be over. */
export type Livepatch = Omit<LoadedLivepatch, "patch">;

/** Whether this kernel can be patched at all: the directory is there whenever CONFIG_LIVEPATCH is. */
export function hasLivepatch(kernel: Kernel): boolean {
  return kernel.list("/sys/kernel").includes("livepatch");
}

/** A livepatch by its module's name; undefined where it is not enabled: the directory of a disabled one disappears. */
export function livepatchOf(kernel: Kernel, module: string): Livepatch | undefined {
  const directory = `${root}/${module}`;
  const enabled = kernel.read(`${directory}/enabled`);
  if (enabled === undefined) return undefined;
  const known = ["enabled", "transition", "force", "signal", "replace", "stack_order"];
  const names = kernel.list(directory).filter((name) => !known.includes(name));
  // `patched` is there since Linux 6.1; before, an object's directory says no more than that the patch names it
  const objects = names.map((name) => ({ name, patched: kernel.read(`${directory}/${name}/patched`) !== "0" }));
  return { module, enabled: enabled === "1", transition: isInTransition(kernel, module), objects };
}

/** Every livepatch that is enabled or on its way in or out, whoever loaded it. */
export function allLivepatches(kernel: Kernel): Livepatch[] {
  return kernel.list(root).flatMap((module) => livepatchOf(kernel, module) ?? []);
}

/** The livepatch that is on its way in or out; there is never more than one. */
export function inTransition(kernel: Kernel): string | undefined {
  return kernel.list(root).find((module) => isInTransition(kernel, module));
}

export function isInTransition(kernel: Kernel, module: string): boolean {
  return kernel.read(`${root}/${module}/transition`) === "1";
}

/** Writes `enabled`. Throws the system's EBUSY while another livepatch is in transition, ENOENT where it is gone. */
export function setEnabled(kernel: Kernel, module: string, enabled: boolean): void {
  kernel.write(`${root}/${module}/enabled`, enabled ? "1" : "0");
}

/** Ends a transition whatever its tasks are doing. What that costs: see force.ts. */
export function forceTransition(kernel: Kernel, module: string): void {
  kernel.write(`${root}/${module}/force`, "1");
}

/** Whether a module is loaded: /proc/modules, since /sys/module lists what is built in, too. */
export function isLoaded(kernel: Kernel, module: string): boolean {
  return (kernel.read("/proc/modules") ?? "").split("\n").some((line) => line.startsWith(`${module} `));
}

/** The kernel's taint as a bit mask. @see Documentation/admin-guide/tainted-kernels.rst */
export function taintOf(kernel: Kernel): number {
  return Number(kernel.read("/proc/sys/kernel/tainted") ?? 0);
}
