import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import packageJson from "../../package.json" with { type: "json" };
import { ifPresent } from "../system/proc.ts";
import type { HostBasics } from "./gather.ts";
import { waitingKernel } from "./kernels.ts";

const machineNames: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** What the operating system says of this host. `arch` is as uname(1) -m spells it. */
export function readHost(): HostBasics {
  const kernel = release();
  const waiting = waitingKernel(kernel);
  return {
    hostname: hostname().slice(0, 253),
    os: process.platform,
    arch: machineNames[process.arch] ?? process.arch,
    kernel: kernel.slice(0, 128),
    ...(waiting !== undefined && { waitingKernel: waiting }),
    bootId: ifPresent(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "",
    agent: packageJson.version,
  };
}
