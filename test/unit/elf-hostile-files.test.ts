import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildOf } from "../../protocol/build-id.ts";
import { elfFixture } from "../support/elf/fixture.ts";

const nobody = 65_534;
const fixture = elfFixture();
const support = join(import.meta.dirname, "../support/elf");
const agent = fileURLToPath(new URL("../support/elf/apply-once.ts", import.meta.url));
const running: (() => Promise<void>)[] = [];
/** A program of an unprivileged user, with the build-id that the patch is for. */
let forged = "";

beforeAll(() => {
  forged = join(fixture.directory, "forged");
  const id = `-Wl,--build-id=0x${buildOf(readFileSync(fixture.binary))}`;
  const source = join(support, "hostile-process.c");
  execFileSync(process.env.CC ?? "cc", ["-O1", "-static", id, "-o", forged, source]);
});
afterEach(async () => {
  for (const end of running.splice(0)) await end();
});

/** A folder of that user's, with its program in it, with or without symbols. */
function folderOf(...strip: string[]): string {
  const folder = fixture.newDirectory();
  chmodSync(fixture.directory, 0o755);
  copyFileSync(forged, join(folder, "p"));
  if (strip.length > 0) execFileSync("strip", [...strip, join(folder, "p")]);
  execFileSync("chown", ["-R", String(nobody), folder]);
  return folder;
}

/** Runs a command as that user in its folder until the test is over; returns when the program is ready. */
async function start(folder: string, command: string, ...args: string[]): Promise<number> {
  const child = spawn(command, args, {
    cwd: folder,
    uid: nobody,
    gid: nobody,
    stdio: ["pipe", "pipe", "inherit"],
  });
  running.push(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
  const [line] = await once(child.stdout, "data");
  expect(String(line)).toMatch(/^ready/);
  return child.pid ?? 0;
}

type Answer = { processes: { pid: number; code: string; detail: string }[]; memory: number };

/** What an agent of its own comes to, which is killed where it does not end. */
function applyOnce(): Answer {
  const args = [agent, fixture.journalDir, fixture.binary, fixture.payload];
  const { stdout, signal } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 30_000,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(signal, "the agent hangs").toBeNull();
  return JSON.parse(stdout);
}

const asRoot = describe.skipIf(process.getuid?.() !== 0);

asRoot(
  "an unprivileged user's debug file, found by the build-id in a root of its own, is no way into the agent",
  () => {
    const symbols = () => join(fixture.directory, "symbols.debug");
    /** What lies at the path. */
    const kinds: Readonly<Record<string, (path: string) => void>> = {
      "a pipe that nobody writes to": (path) => execFileSync("mkfifo", ["-m", "644", path]),
      "a device without an end": (path) => execFileSync("mknod", ["-m", "666", path, "c", "1", "5"]),
      "a link to a device of the host": (path) => symlinkSync("/dev/zero", path),
      "a link to itself": (path) => symlinkSync(path.slice(path.indexOf("/usr/lib/debug")), path),
      "a gibibyte of nothing"(path) {
        writeFileSync(path, "");
        truncateSync(path, 1023 * 1024 * 1024);
      },
      "a link to what the host has under that path"(path) {
        copyFileSync(forged, symbols());
        symlinkSync(symbols(), path);
      },
    };

    it(`whether it is ${Object.keys(kinds).join(", ")}`, async () => {
      const id = buildOf(readFileSync(forged)) ?? "";
      for (const make of Object.values(kinds)) {
        const folder = folderOf("--strip-all");
        const path = join(folder, "usr/lib/debug/.build-id", id.slice(0, 2), `${id.slice(2)}.debug`);
        mkdirSync(dirname(path), { recursive: true });
        make(path);
        await start(folder, "unshare", "--user", "--map-root-user", "chroot", folder, "/p", "0");
      }
      const { processes, memory } = applyOnce();
      const refused = { code: "unsupported", detail: expect.stringMatching(/\b(?:one|two)\b/) };
      expect(processes).toMatchObject(Object.keys(kinds).map(() => refused));
      expect(memory).toBeLessThan(300);
    });
  },
);

asRoot("the agent's memory stays bounded", () => {
  it("whatever a process maps: libraries of a gibibyte of nothing, with tables as large", async () => {
    const folder = folderOf();
    const pid = await start(folder, join(folder, "p"), "5");
    const { processes, memory } = applyOnce();
    expect(processes).toMatchObject([{ pid, code: "unsupported" }]);
    expect(memory).toBeLessThan(300);
  });
});
