import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { ElfPatch } from "../../agent/engines/engine.ts";
import { buildOf } from "../../protocol/build-id.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { patchFor, type Target } from "../support/elf/target.ts";

const fixture = elfFixture();
let binary = "";
let patch: ElfPatch;
beforeAll(() => {
  binary = compile("odd", 1000);
  patch = { ...fixture.patchOf("int handle_fixed(int n) { return n * 2 + 1; }", "handle") };
  patch = { ...patch, variant: { ...patch.variant, match: patchFor(binary, fixture.payload, []).variant.match } };
});

function compile(name: string, limit: number): string {
  const path = join(fixture.directory, name);
  const source = join(import.meta.dirname, "../support/elf/odd-target.c");
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  execFileSync(process.env.CC ?? "cc", ["-O2", "-g", "-pthread", id, `-DLIMIT=${limit}`, "-o", path, source]);
  return path;
}

/** How many processes of the build the facts name. */
async function reported(): Promise<number> {
  const { facts } = await fixture.engine.detect();
  return facts.builds?.find(({ buildId }) => buildId === patch.variant.match.buildId)?.processes ?? 0;
}

async function expectPatchedAndUndone(target: Target): Promise<void> {
  expect(await reported()).toBe(1);
  expect(await fixture.engine.apply(patch)).toMatchObject({ code: "applied" });
  expect(await target.ask("21")).toBe("43");
  expect(await fixture.engine.verify(patch)).toMatchObject({ code: "applied" });
  const undone = await fixture.engine.undo(patch.id);
  expect(undone).toMatchObject({ code: "undone", evidence: { processes: [{ pid: target.pid, code: "undone" }] } });
  expect(await target.ask("21")).toBe("42");
}

describe("what runs a build is found, patched and undone", () => {
  it("where the first thread has ended and others live on", async () => {
    const target = await fixture.startOther(binary, "leaderless");
    while (!readFileSync(`/proc/${target.pid}/stat`, "latin1").includes(") Z ")) await sleep(10);
    await expectPatchedAndUndone(target);
  });

  it("where a program has put its code on memory of its own", async () => {
    const target = await fixture.startOther(binary, "moved");
    await expectPatchedAndUndone(target);
    // and once more, with the payload that is still there
    await expectPatchedAndUndone(target);
  });
});

it("two files are told apart though their inode numbers differ in the last of 64 bits alone", async ({ skip }) => {
  const folder = fixture.newDirectory();
  const [one, two] = [compile("one", 1000), compile("two", 2000)];
  copyFileSync(one, join(folder, "one"));
  copyFileSync(two, join(folder, "two"));
  const script = `
    const { createBuildScanner } = await import("${join(import.meta.dirname, "../../agent/engines/elf/builds.ts")}");
    const { builds } = createBuildScanner().scan();
    console.log(JSON.stringify(builds.filter(({ path }) => path.includes("/merged/")).map(({ buildId }) => buildId)));`;
  const layered = join(import.meta.dirname, "../support/elf/layered-files.sh");
  const namespaces = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const { status, stdout, stderr } = spawnSync("unshare", [...namespaces, "sh", layered, folder, script], {
    encoding: "utf8",
    env: { ...process.env, NODE: process.execPath },
    timeout: 60_000,
  });
  if (status !== 0 && process.env.CI !== "true")
    skip(`no file system in layers can be had here: ${stderr.slice(-200)}`);
  const ids = [one, two].map((path) => buildOf(readFileSync(path)));
  expect(new Set(JSON.parse(stdout))).toEqual(new Set(ids));
});

it("code on memory of its own that is not what the file has is reported, and not patched", async () => {
  const target = await fixture.startOther(binary, "moved and changed");
  expect(await reported()).toBe(1);
  const why = /put its code on memory of its own, and at 0x[0-9a-f]+ it is not what .*odd has/;
  expect(await fixture.engine.apply(patch)).toMatchObject({
    code: "unsupported",
    evidence: { processes: [{ pid: target.pid, detail: expect.stringMatching(why) }] },
  });
});
