import fc from "fast-check";
import { expect, it } from "vitest";
import { type AgentRelease, AgentRing, isNewer } from "../../protocol/wire/agent-release.ts";
import { releaseFor } from "./agent-release.ts";

const released = Date.parse("2026-11-25T12:00:00Z");
const day = 86_400_000;
const release = (version: string, changes: Partial<AgentRelease> = {}): AgentRelease => ({
  version,
  releasedAt: new Date(released).toISOString(),
  arches: ["x86_64", "aarch64"],
  opens: {
    canary: new Date(released).toISOString(),
    early: new Date(released + day).toISOString(),
    all: new Date(released + 3 * day).toISOString(),
  },
  ...changes,
});
const machine = { agent: "0.1.0", arch: "x86_64" };

it("opens a release for one ring after the other, and never for machines that are to stay", () => {
  const has = (ring: AgentRing | "never", days: number) =>
    releaseFor(machine, ring, [release("0.2.0")], released + days * day);
  expect([0, 1, 2, 3].map((days) => has("canary", days))).toEqual(["0.2.0", "0.2.0", "0.2.0", "0.2.0"]);
  expect([0, 1, 2, 3].map((days) => has("early", days))).toEqual([undefined, "0.2.0", "0.2.0", "0.2.0"]);
  expect([0, 1, 2, 3].map((days) => has("all", days))).toEqual([undefined, undefined, undefined, "0.2.0"]);
  expect(has("never", 300)).toBeUndefined();
});

it("passes over what is withdrawn, what is for another architecture, and what failed on this machine", () => {
  const now = released + 3 * day;
  expect(releaseFor(machine, "all", [release("0.2.0"), release("0.3.0", { withdrawn: "it leaks" })], now)).toBe(
    "0.2.0",
  );
  expect(releaseFor(machine, "all", [release("0.2.0", { arches: ["aarch64"] })], now)).toBeUndefined();
  const failed = { ...machine, failedUpdate: { version: "0.3.0", why: "it did not check in" } };
  expect(releaseFor(failed, "all", [release("0.2.0"), release("0.3.0")], now)).toBeUndefined();
  expect(releaseFor(failed, "all", [release("0.3.0"), release("0.3.1")], now)).toBe("0.3.1");
});

it("orders nothing that is not newer than what runs, whatever is released", () => {
  const number = fc.integer({ min: 0, max: 12 });
  const version = fc.tuple(number, number, number).map((parts) => parts.join("."));
  const law = (agent: string, versions: string[], ring: AgentRing) => {
    const found = releaseFor(
      { ...machine, agent },
      ring,
      versions.map((each) => release(each)),
      released + 9 * day,
    );
    const newer = versions.filter((each) => isNewer(each, agent));
    expect(found === undefined).toBe(newer.length === 0);
    if (found !== undefined) expect(newer.some((each) => isNewer(each, found))).toBe(false);
  };
  fc.assert(fc.property(version, fc.array(version), fc.constantFrom(...AgentRing.options), law));
});

it("compares versions as numbers, and takes whatever is none for older than all", () => {
  expect(isNewer("0.10.0", "0.9.9")).toBe(true);
  expect(isNewer("1.0.0", "1.0.0")).toBe(false);
  expect(isNewer("0.0.0", "0.1.0-dev")).toBe(true);
  expect(isNewer("2.0.0-rc1", "1.0.0")).toBe(false);
});
