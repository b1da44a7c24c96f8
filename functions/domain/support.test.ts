import { expect, it } from "vitest";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { coverageOf } from "./support.ts";

const at = (text: string) => Date.parse(text) / 1000;
const [old, newer] = ["aa".repeat(20), "bb".repeat(20)];
const facts: HostFacts = {
  hostname: "web-1",
  os: "Debian 12",
  arch: "x86_64",
  kernel: "6.1.0-28-amd64",
  bootId: "b",
  agent: "0.1.0",
  builds: [{ buildId: old, path: "/usr/sbin/echod", processes: 1 }],
  engines: [],
};
const common = { title: "Debian 12", arch: "x86_64" };
const matrix = {
  kernels: [{ ...common, kernel: "6.1.0-28-amd64", until: "2026-12-31" }],
  builds: [{ ...common, buildId: newer, until: "2027-06-30" }],
  programs: ["/usr/sbin/echod"],
};
const kernelAt = (moment: string) => coverageOf(matrix, facts, at(moment))[0]?.coverage;

it("a machine hears at 30 days and at 7 days before its kernel's support ends, and not a second earlier", () => {
  expect(kernelAt("2026-12-01T23:59:59Z")).toBe("covered");
  expect(kernelAt("2026-12-02T00:00:00Z")).toBe("ends-in-30-days");
  expect(kernelAt("2026-12-24T23:59:59Z")).toBe("ends-in-30-days");
  expect(kernelAt("2026-12-25T00:00:00Z")).toBe("ends-in-7-days");
  expect(kernelAt("2026-12-31T23:59:59Z")).toBe("ends-in-7-days");
  expect(kernelAt("2027-01-01T00:00:00Z")).toBe("ended");
});

it("a build of the product's program that is not listed is outside, and other programs are nobody's concern", () => {
  const coverage = (builds: HostFacts["builds"]) =>
    coverageOf({ ...matrix, kernels: [] }, { ...facts, builds }, at("2026-11-25T00:00:00Z")).map(
      (each) => each.coverage,
    );
  expect(coverage(facts.builds)).toEqual(["outside"]);
  expect(coverage([{ buildId: newer, path: "/opt/echod", processes: 2 }])).toEqual(["covered"]);
  expect(coverage([{ buildId: old, path: "/usr/bin/other", processes: 1 }])).toEqual([]);
});

it("another architecture's kernel of the same release does not cover", () => {
  expect(coverageOf(matrix, { ...facts, arch: "aarch64", builds: [] }, at("2026-11-25T00:00:00Z"))).toEqual([
    { what: "kernel 6.1.0-28-amd64", coverage: "outside" },
  ]);
});
