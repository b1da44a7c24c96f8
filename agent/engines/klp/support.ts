import type { HostFacts } from "../../../protocol/wire/host.ts";
import type { Kernel } from "./kernel.ts";
import { hasLivepatch } from "./livepatches.ts";

/** How to have a kernel with Secure Boot take a vendor's modules. */
export const mendSignatures =
  "enrol the vendor's certificate in the machine owner's list, `mokutil --import vendor.der`, and reboot to confirm it";

/** Why this kernel takes no livepatch from this process, with what mends it; empty where it does. */
export function whyUnsupported(kernel: Kernel): string {
  if (!hasLivepatch(kernel)) {
    return `kernel ${kernel.release} has no livepatch support: boot one that was built with CONFIG_LIVEPATCH`;
  }
  if (!kernel.mayLoadModules)
    return "loading modules wants root (CAP_SYS_MODULE): run the agent as root, outside a container";
  if (kernel.read("/proc/sys/kernel/modules_disabled") === "1") {
    return "kernel.modules_disabled is 1, until the next boot: take it out of sysctl.d and reboot";
  }
  return "";
}

/** Whether this kernel insists on signatures: module.sig_enforce, or any lockdown. */
export function signaturesOf(kernel: Kernel): NonNullable<HostFacts["livepatch"]>["signatures"] {
  const isEnforced = kernel.read("/sys/module/module/parameters/sig_enforce") === "Y";
  const lockdown = /\[(\w+)\]/.exec(kernel.read("/sys/kernel/security/lockdown") ?? "")?.[1] ?? "none";
  return isEnforced || lockdown !== "none" ? "required" : "optional";
}
