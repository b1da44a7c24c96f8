import { describe, expect, it } from "vitest";
import { hostShare } from "../../system/trust-domain.ts";
import { dealOut, type Running } from "./shares.ts";

/** Builds that a share runs, told apart by their paths. */
function builds(share: string, count: number, path = `/${share.replaceAll(" ", "-")}`): Running[] {
  return Array.from({ length: count }, (_, index) => ({
    buildId: Buffer.from(`${share} ${index}`).toString("hex").padEnd(40, "0").slice(0, 40),
    path: `${path}/${index}`,
    processes: 1,
    shares: new Set([share]),
  }));
}

describe("where more builds run than facts can name", () => {
  const flood = builds("uid 1001", 4200);

  it("the host's own come first, and no other user's are hidden by one who runs thousands", () => {
    const [own, other] = [builds(hostShare, 300), builds("uid 33", 40)];
    const { builds: kept, leftOut } = dealOut([...flood, ...own, ...other], new Set());
    const paths = new Set(kept.map(({ path }) => path));
    expect(kept.length).toBe(4096);
    expect([...own, ...other].filter(({ path }) => !paths.has(path))).toEqual([]);
    expect([...leftOut]).toEqual([["uid 1001", 4200 + 340 - 4096]]);
  });

  it("those that patches ask for are named, whoever runs them", () => {
    const last = flood.at(-1);
    const wanted = new Set([last?.buildId ?? ""]);
    expect(dealOut(flood, new Set()).builds.some(({ path }) => path === last?.path)).toBe(false);
    expect(dealOut(flood, wanted).builds[0]?.path).toBe(last?.path);
  });

  it("they stay within what a check-in may hold, however long the paths are", () => {
    const long = builds("uid 1001", 4000, `/${"a/".repeat(250)}`);
    const { builds: kept, leftOut } = dealOut([...long, ...builds(hostShare, 5)], new Set());
    expect(JSON.stringify(kept).length).toBeLessThanOrEqual(1024 * 1024 + 2);
    expect(kept.filter(({ path }) => path.startsWith("/host"))).toHaveLength(5);
    expect(leftOut.get("uid 1001")).toBe(4005 - kept.length);
  });
});
