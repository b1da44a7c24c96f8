import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { librariesOf } from "./packages.ts";

/** Others' tools for livepatches, where this machine has them: each as the command that runs it in a guest. */
export type ForeignTools = { kpatch: string | undefined; klp: string | undefined };

const tools = {
  /** kpatch's own */
  kpatch: { variable: "SUTURE_KPATCH", paths: ["/usr/sbin/kpatch", "/usr/bin/kpatch"] },
  /** SUSE's, of kernel-livepatch-tools */
  klp: { variable: "SUTURE_KLP", paths: ["/usr/bin/klp", "/usr/sbin/klp"] },
} as const;

/** Copies what there is, or what `SUTURE_KPATCH` and `SUTURE_KLP` name, with the shell that it wants. */
export function shareForeignTools(share: string): ForeignTools {
  return { kpatch: shareScript(share, "kpatch"), klp: shareScript(share, "klp") };
}

function shareScript(share: string, name: keyof typeof tools): string | undefined {
  const { variable, paths } = tools[name];
  const script = process.env[variable] ?? paths.find((path) => existsSync(path));
  if (script === undefined) return undefined;
  const folder = join(share, "foreign");
  mkdirSync(folder, { recursive: true });
  copyFileSync(script, join(folder, name));
  for (const file of ["/bin/bash", ...librariesOf("/bin/bash")]) copyFileSync(file, join(folder, basename(file)));
  return `LD_LIBRARY_PATH=/share/foreign /share/foreign/bash /share/foreign/${name}`;
}

/** What kpatch-build wants: itself in a folder of PATH, and a kernel's prepared source and vmlinux with debug information. */
export type KpatchBuild = { environment: Record<string, string>; source: string; vmlinux: string };

/** Finds it, or says what is missing. */
export function findKpatchBuild(): KpatchBuild | string {
  const { SUTURE_KPATCH_BUILD: folder = "", PATH = "" } = process.env;
  const { SUTURE_KERNEL_SOURCE: source, SUTURE_KERNEL_VMLINUX: vmlinux } = process.env;
  const path = folder === "" ? PATH : `${folder}${delimiter}${PATH}`;
  if (!path.split(delimiter).some((each) => existsSync(join(each, "kpatch-build")))) {
    return "kpatch-build is not installed: SUTURE_KPATCH_BUILD names the folder that has it";
  }
  if (source === undefined || vmlinux === undefined) {
    return "SUTURE_KERNEL_SOURCE and SUTURE_KERNEL_VMLINUX are to name the newest kernel's prepared source and its vmlinux with debug information";
  }
  return { environment: { PATH: path }, source, vmlinux };
}
