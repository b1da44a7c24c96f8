import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { releasesFolder } from "./folder.ts";
import { updatesOf } from "./updates.ts";

let root: string;
let packaged: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "suture-releases-"));
  packaged = join(root, "package");
});
afterEach(() => rmSync(root, { recursive: true }));

/** A tarball as packages make it, of a release that says so of itself. */
function tarball(says: string): Buffer {
  const folder = mkdtempSync(join(root, "tree-"));
  const release = join(folder, "usr/lib/suture-agent");
  mkdirSync(join(release, "bin"), { recursive: true });
  writeFileSync(join(release, "bin/suture-agent"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(release, "VERSION"), `${says}\n`);
  const bytes = execFileSync("tar", ["-czf", "-", "-C", folder, "."]);
  rmSync(folder, { recursive: true });
  return bytes;
}

/** The release that the launcher would start now, as it knows itself. */
function started() {
  const current = releasesFolder(root).current();
  const running =
    current === undefined
      ? { version: "0.1.0", folder: packaged }
      : { version: basename(current), folder: realpathSync(current) };
  return updatesOf(root, running);
}

const passed = { passed: true } as const;
const failed = { passed: false, why: "it said nothing", wasAway: false } as const;

async function changed() {
  const updates = started();
  await updates.stage("0.2.0", tarball("0.2.0"));
  expect(updates.judge("0.2.0", passed)).toBe(true);
  return started();
}

it("keeps a release that passes its trial and its first round, and the one before it until then", async () => {
  const updates = await changed();
  expect(updates.running.version).toBe("0.2.0");
  expect(updates.begin()).toBeUndefined();
  updates.proven();
  expect(started().begin()).toBeUndefined();
  const next = started();
  await next.stage("0.3.0", tarball("0.3.0"));
  next.judge("0.3.0", passed);
  started().proven();
  expect(readdirSync(join(root, "releases")).sort()).toEqual(["0.2.0", "0.3.0"]);
});

it("keeps the release that runs where the folder is a link to another disk, and goes back from there too", async () => {
  const disk = mkdtempSync(join(tmpdir(), "suture-disk-"));
  rmSync(root, { recursive: true });
  symlinkSync(disk, root);
  const updates = await changed();
  expect(updates.running.folder).toBe(join(realpathSync(disk), "releases/0.2.0"));
  updates.begin();
  updates.proven();
  expect(readdirSync(join(disk, "releases"))).toEqual(["0.2.0"]);
  const next = started();
  await next.stage("0.3.0", tarball("0.3.0"));
  next.judge("0.3.0", passed);
  const last = started();
  for (let faults = 0; !last.isGivenUp(); faults++) expect(faults < 10 && last.begin()).toBeUndefined();
  expect(last.begin()).toBe(join(realpathSync(disk), "releases/0.2.0/bin/suture-agent"));
  expect(started().running.version).toBe("0.2.0");
  rmSync(disk, { recursive: true });
});

it("gives up a release that fails its trial, and never takes it again", async () => {
  const updates = started();
  await updates.stage("0.2.0", tarball("0.2.0"));
  expect(updates.judge("0.2.0", failed)).toBe(false);
  expect([started().running.version, started().hasFailed("0.2.0")]).toEqual(["0.1.0", true]);
  expect(started().failedUpdate()).toEqual({ version: "0.2.0", why: "it said nothing" });
  expect(readdirSync(join(root, "releases"))).toEqual([]);
});

it("tries a release again that got no answer from the service, and gives it up the third time", () => {
  for (const count of [1, 2, 3]) {
    started().judge("0.2.0", { ...failed, wasAway: true });
    expect(started().hasFailed("0.2.0")).toBe(count === 3);
  }
});

it("goes back where starts and rounds come to nothing, but not because the service is away", async () => {
  await changed();
  for (let start = 0; start < 9; start++) {
    const updates = started();
    expect(updates.begin()).toBeUndefined();
    updates.excuse();
  }
  for (let start = 0; start < 2; start++) expect(started().begin()).toBeUndefined();
  const updates = started();
  updates.fault();
  expect(updates.isGivenUp()).toBe(true);
  expect(updates.begin()).toBe(join(packaged, "bin/suture-agent"));
  expect([started().running.version, started().hasFailed("0.2.0"), started().begin()]).toEqual([
    "0.1.0",
    true,
    undefined,
  ]);
});

it("ends in the old release or the new one, whichever step it is killed at, and knows what failed", async () => {
  /** An agent that dies at the n-th change of the folder or the record. */
  const dying = (at: number) => {
    let left = at;
    const real = releasesFolder(root);
    return {
      ...real,
      point(to: string | null) {
        if (left-- === 0) throw new Error("killed");
        real.point(to);
        if (left-- === 0) throw new Error("killed");
      },
    };
  };
  for (const at of [0, 1]) {
    rmSync(join(root, "update.json"), { force: true });
    rmSync(join(root, "current"), { force: true });
    const old = updatesOf(root, { version: "0.1.0", folder: packaged }, dying(at));
    await old.stage("0.2.0", tarball("0.2.0"));
    expect(() => old.judge("0.2.0", passed)).toThrow("killed");
    expect(started().running.version).toBe(at === 0 ? "0.1.0" : "0.2.0");
    expect(started().begin()).toBeUndefined();
    expect(started().hasFailed("0.2.0")).toBe(false);
  }
  // And on the way back
  for (const at of [0, 1]) {
    rmSync(join(root, "update.json"), { force: true });
    rmSync(join(root, "current"), { force: true });
    await changed();
    for (let start = 0; start < 3; start++) started().begin();
    const bad = updatesOf(root, started().running, dying(at));
    expect(() => bad.begin()).toThrow("killed");
    const next = started();
    if (at === 0) expect(next.begin()).toBe(join(packaged, "bin/suture-agent"));
    else expect(next.begin()).toBeUndefined();
    expect([started().running.version, started().hasFailed("0.2.0")]).toEqual(["0.1.0", true]);
  }
});

it("takes what runs for what counts once a package was installed over it", async () => {
  await changed();
  releasesFolder(root).point(null);
  expect(started().begin()).toBeUndefined();
  expect(JSON.parse(readFileSync(join(root, "update.json"), "utf8"))).toMatchObject({ probation: null, failed: [] });
});

it("refuses a tarball that is another release or none, and leaves nothing of it", async () => {
  const updates = started();
  const refused = expect.objectContaining({ code: "bundle-mismatch" });
  await expect(updates.stage("0.2.0", tarball("0.1.9"))).rejects.toEqual(refused);
  await expect(updates.stage("0.2.0", Buffer.from("no tarball"))).rejects.toEqual(refused);
  expect(readdirSync(join(root, "releases"))).toEqual([]);
  expect(existsSync(join(root, "current"))).toBe(false);
});
