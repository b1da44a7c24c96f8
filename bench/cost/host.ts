import { createHash } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import type { MachineKeys } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";

/** Of the program that is patched. */
export const buildId = "ab".repeat(20);

/** A machine's own keys. */
export async function newKeys(): Promise<MachineKeys> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return { publicKey: MachineKey.parse(await exportJWK(pair.publicKey)), privateKey: pair.privateKey };
}

/** A host on which so many ELF builds run, the patched one among them. */
export function factsOf(builds: number): HostFacts {
  const others = Array.from({ length: builds - 1 }, (_, at) => ({
    buildId: createHash("sha1").update(String(at)).digest("hex"),
    path: `/usr/lib/x86_64-linux-gnu/libexample-${at}.so.1.2.3`,
    processes: 1 + (at % 7),
  }));
  return {
    hostname: "web-1.example.com",
    os: "linux",
    arch: "x86_64",
    kernel: "6.12.48+deb13-amd64",
    bootId: "00000000-0000-4000-8000-000000000000",
    agent: "0.1.0",
    builds: [{ buildId, path: "/usr/sbin/echod", processes: 1 }, ...others],
    engines: [{ name: "elf", supported: true, reason: "" }],
  };
}
