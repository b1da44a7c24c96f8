import type { Control, PlanInputs, PlannedPatch } from "../../functions/domain/verdict.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";

/** A machine, a channel and patches of it, for tests of what plans decide. */
export const now = 1_800_000_000;
const buildId = "aabbccdd";
export const stream = "acme/echod/stable";
export const facts: PlanInputs["facts"] = {
  hostname: "web-1",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [{ buildId, path: "/usr/bin/echod", processes: 1 }],
  engines: [{ name: "elf", supported: true, reason: "" }],
};

export function patch(
  id: string,
  more: Partial<PlannedPatch["manifest"]> = {},
  state: PlannedPatch["state"] = "live",
): PlannedPatch {
  const { product, channel, patch: name, version } = parsePatchId(id);
  const digest = "0".repeat(64);
  const bundle = { sha256: digest, size: 1, encoding: "zstd" as const, payload: { sha256: digest, size: 1 } };
  const variant = {
    engine: "elf" as const,
    functions: [{ name: "f", replacement: "g" }],
    match: { buildId, arch: "x86_64" as const },
    bundle,
  };
  const manifest: PlannedPatch["manifest"] = {
    manifest: 1,
    product,
    channel,
    patch: name,
    version,
    title: "fix",
    severity: "high",
    cves: [],
    supersedes: [],
    requires: [],
    health: { windowSeconds: 5, checks: [] },
    variants: [variant],
    ...more,
  };
  return { id, stream: id.slice(0, id.lastIndexOf("/")), manifest, manifestSha256: "1".repeat(64), state };
}

export const nothing: Control = { policies: [], pins: [], rollouts: new Map() };
export const inputs = (more: Partial<PlanInputs>): PlanInputs => ({
  machine: { id: "m-1", group: "web", tags: [] },
  control: nothing,
  facts,
  held: [],
  mode: "auto",
  subscriptions: [{ stream, endsAt: null }],
  patches: [],
  now,
  ...more,
});
export const held = (id: string, state: PlanInputs["held"][number]["state"], since = now - 7200) => ({
  patch: id,
  state,
  since,
});
