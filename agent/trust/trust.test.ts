import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../protocol/trust/edit.ts";
import { buildId, openHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { runRound } from "../round/round.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

const pin = () => `sha256:${digestOf(Buffer.from(service.acme.rootText)).sha256}`;

/** Publishes a patch, orders it, and lets the host, opened with these pins, do a round. @returns whether it is in */
async function takes(patch: string, vendors: Record<string, string> | null): Promise<boolean> {
  service.actions = [await service.publish(patch, buildId)];
  host = await openHost({ directory, clock: host.clock, http: service.http, vendors });
  await runRound(host.agent, { force: true });
  return host.engine.pidsWith(`acme/echod/stable/${patch}@1`).length === 2;
}

describe("a host that pins its vendors", () => {
  it("takes the patches of a vendor whose first root it pins", async () => {
    expect(await takes("fix", { acme: pin() })).toBe(true);
  });

  it("judges a vendor that it knew before by a pin that comes later, and keeps what it knew", async () => {
    expect(await takes("one", null)).toBe(true);
    expect(await takes("two", { acme: `sha256:${"0".repeat(64)}` })).toBe(false);
    const known = host.agent.repositories.read("acme")?.versions;
    expect(await takes("three", { acme: pin() })).toBe(true);
    expect(host.agent.repositories.read("acme")).toMatchObject({ firstRoot: pin() });
    expect(host.agent.repositories.read("acme")?.versions.timestamp).toBeGreaterThan(known?.timestamp ?? 0);
  });

  it("keeps what is applied of a vendor that is not on its list, and takes nothing more of it", async () => {
    expect(await takes("one", null)).toBe(true);
    expect(await takes("two", { other: pin() })).toBe(false);
    expect(host.engine.pidsWith("acme/echod/stable/one@1")).toEqual([1, 2]);
    expect(host.events).toContainEqual(expect.objectContaining({ event: "refused", code: "untrusted-metadata" }));
  });
});
