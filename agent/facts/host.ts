import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import packageJson from "../../package.json" with { type: "json" };
import type { HostFacts } from "../../protocol/wire/host.ts";
import { ifPresent } from "../system/proc.ts";

const machineNames: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** What the operating system says of this host. `arch` is as uname(1) -m spells it. */
export function readHost(): Omit<HostFacts, "builds" | "engines"> {
  return {
    hostname: hostname().slice(0, 253),
    os: process.platform,
    arch: machineNames[process.arch] ?? process.arch,
    kernel: release().slice(0, 128),
    bootId: ifPresent(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "",
    agent: packageJson.version,
  };
}
