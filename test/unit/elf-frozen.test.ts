import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { threadStatus } from "../../agent/system/proc.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import type { Target } from "../support/elf/target.ts";

const host = elfFixture();
const run = promisify(execFile);
const straggle = fileURLToPath(new URL("../support/elf/straggle.ts", import.meta.url));

type Freezer = { add(target: Target): void; freeze(): void; thaw(): void };
const leftovers: { home: string; group: string; members: number[]; thaw: () => void }[] = [];
// before the fixture stops the targets, which a frozen one would not notice
afterEach(() => {
  for (const { home, group, members, thaw } of leftovers.splice(0)) {
    thaw();
    for (const pid of members) writeFileSync(join(home, "cgroup.procs"), String(pid));
    rmdirSync(group);
  }
});

/** A control group that freezes what is in it; skips the test where none can be made. */
function freezer(
  skip: (reason: string) => never,
  homes: readonly string[],
  file: string,
  words: [string, string],
): Freezer {
  const home = homes.find((each) => existsSync(join(each, "cgroup.procs")));
  if (home === undefined) return skip("no such control groups here");
  const group = join(home, `suture-test-${process.pid}`);
  try {
    mkdirSync(group);
  } catch {
    return skip("no control group can be made here");
  }
  const set = (word: string) => writeFileSync(join(group, file), word);
  const left = { home, group, members: [] as number[], thaw: () => set(words[1]) };
  leftovers.push(left);
  if (!existsSync(join(group, file))) return skip("control groups here do not freeze");
  return {
    add({ pid }) {
      writeFileSync(join(group, "cgroup.procs"), String(pid));
      left.members.push(pid);
    },
    freeze: () => set(words[0]),
    thaw: left.thaw,
  };
}

const version1 = (skip: (reason: string) => never) =>
  freezer(skip, ["/sys/fs/cgroup/freezer"], "freezer.state", ["FROZEN", "THAWED"]);
const version2 = (skip: (reason: string) => never) =>
  freezer(skip, ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"], "cgroup.freeze", ["1", "0"]);
const tracer = ({ pid }: Target) => threadStatus(pid, pid).get("TracerPid");

describe("a process whose control group is frozen", () => {
  test("by version 1 is put off with the reason, and not even attached to", async ({ skip }) => {
    const group = version1(skip);
    const target = await host.start();
    group.add(target);
    await host.engine.stage(host.patch);
    group.freeze();
    expect(await host.engine.apply(host.patch)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("is frozen"),
    });
    expect(tracer(target)).toBe("0");
    group.thaw();
    expect(await target.ask("value")).toBe("3");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("by version 2 is patched and unpatched where its payload is there, and goes on with it", async ({ skip }) => {
    const group = version2(skip);
    const target = await host.start();
    group.add(target);
    group.freeze();
    // no thread can be had for the call that maps it
    expect(await host.engine.apply(host.patch)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("is frozen"),
    });
    group.thaw();
    await host.engine.stage(host.patch);
    group.freeze();
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    group.thaw();
    expect(await target.ask("value")).toBe("30");
    group.freeze();
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    group.thaw();
    expect(await target.ask("value")).toBe("3");
  });

  test("does not keep an agent that has nothing else to do, and goes on once it is thawed", async ({ skip }) => {
    const group = version1(skip);
    const target = await host.start("flat");
    group.add(target);
    group.freeze();
    await run(process.execPath, ["--import", "tsx", straggle, String(target.pid)]);
    group.thaw();
    expect(await target.ask("value")).toBe("3");
    expect(tracer(target)).toBe("0");
  });
});
