import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "suture-package-"));
afterAll(() => rmSync(work, { recursive: true }));

it("a tool that is missing is named with its Debian package before anything is made, and leaves nothing behind", () => {
  symlinkSync("/bin/sh", join(work, "sh"));
  const out = join(work, "out");
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--import", "tsx", "infra/package/main.ts", "--out", out],
    { cwd: root, env: { PATH: work }, encoding: "utf8" },
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/^dpkg-deb is missing: apt-get install dpkg\nrpmbuild is missing: apt-get install rpm\n/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(existsSync(out)).toBe(false);
});

it("install.sh asks for the enrolment token before it downloads or installs", () => {
  const script = join(root, "agent/package/install.sh");
  const run = (...args: string[]) =>
    spawnSync("sh", [script, "--dry-run", "--from", "/nowhere", "--server", "https://suture.test", ...args], {
      env: { PATH: process.env.PATH },
      encoding: "utf8",
    });
  const none = run();
  expect(none).toMatchObject({ status: 1, stdout: "" });
  expect(none.stderr).toContain("give --token-file FILE or SUTURE_ENROLMENT_TOKEN: nothing was installed");
  expect(run("--token-file", join(work, "absent")).stderr).toContain("cannot be read: nothing was installed");
});
