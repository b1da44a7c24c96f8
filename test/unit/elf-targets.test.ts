import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { debugDataOf } from "../../agent/engines/elf/debug-data.ts";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { Engine } from "../../agent/engines/engine.ts";
import { buildOf } from "../../protocol/build-id.ts";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { patient } from "../support/elf/patient.ts";
import { bothFunctions, compilePayload, patchFor, recordsIn, startTarget, type Target } from "../support/elf/target.ts";

const sources = join(import.meta.dirname, "../support/elf");
const compiler = process.env.CC ?? "cc";
const [objcopy, lister, xz] = ["objcopy", "ldd", "xz"];
const directory = mkdtempSync(join(tmpdir(), "suture-targets-"));
const payload = join(directory, "fix.so");
compilePayload(join(sources, "fix.c"), payload);
const targets: Target[] = [];
const leftovers: string[] = [directory];
let builds = 0;

afterAll(() => {
  for (const each of leftovers) rmSync(each, { recursive: true, force: true });
});
afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop()));
});

/** Skips a test, with the reason, where a command that it needs does not work; in CI that is a failure. */
function need(skip: (reason: string) => void, ...command: string[]): void {
  const [program = "", ...args] = command;
  if (spawnSync(program, args).status === 0) return;
  const reason = `\`${command.join(" ")}\` does not work here`;
  if (process.env.CI === "true") expect.fail(reason);
  skip(reason);
}

function compile(flags: readonly string[] = [], cc = compiler): string {
  const binary = join(directory, `target-${builds++}`);
  const always = ["-O2", "-g", "-fno-inline", "-fno-ipa-cp", "-pthread", "-o", binary, join(sources, "target.c")];
  execFileSync(cc, [`-Wl,--build-id=0x${randomBytes(20).toString("hex")}`, ...always, ...flags]);
  return binary;
}

function newEngine(journalDir = mkdtempSync(join(directory, "journal-"))): Engine {
  return patient(createElfEngine({ journalDir }));
}

/** Applies the patch to what runs the binary, asks, undoes it and asks again. `command` runs it, where it is not run by itself. */
async function patchAndUndo(
  binary: string,
  { build = binary, command = [binary], whileRuns = () => {} }: Partial<Plan> = {},
): Promise<void> {
  const [program = "", ...args] = command;
  const patch = patchFor(build, payload, bothFunctions);
  const target = await startTarget(program, ...args);
  targets.push(target);
  whileRuns();
  const engine = newEngine();
  expect(await target.ask("value")).toBe("3");
  expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
  expect(await target.ask("value")).toBe("30");
  expect(await engine.verify(patch)).toMatchObject({ code: "applied" });
  expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
  expect(await target.ask("value")).toBe("3");
  expect(await target.ask("eintr")).toBe("0");
}

type Plan = { build: string; command: readonly string[]; whileRuns: () => void };

describe("a target is patched and unpatched", () => {
  test.each([
    ["at a fixed address", ["-no-pie", "-fno-pie"]],
    ["static", ["-static", "-no-pie", "-fno-pie"]],
    ["static and position-independent", ["-static-pie", "-fPIE"]],
    ["with endbr64 at its entries", ["-fcf-protection=full"]],
    ["with all relocations bound at its start and read-only", ["-Wl,-z,relro,-z,now"]],
    ["without a build-id, known by its code", ["-Wl,--build-id=none"]],
    ["stripped, with exported symbols", ["-rdynamic", "-s"]],
  ])("%s", async (_, flags) => patchAndUndo(compile(flags)));

  test("stripped, with its symbols in a debug file that is found by build-id", async ({ skip }) => {
    need(skip, objcopy, "--version");
    const binary = compile();
    const id = buildOf(execFileSync("cat", [binary])) ?? "";
    const debug = `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
    const root = join(directory, "root");
    // in the root that the process sees; ours is not touched
    const inRoot = join(root, debug);
    mkdirSync(dirname(inRoot), { recursive: true });
    const stripped = join(root, "target");
    execFileSync(objcopy, ["--only-keep-debug", binary, inRoot]);
    execFileSync(objcopy, ["--strip-all", binary, stripped]);
    await expect(patchAndUndo(stripped)).rejects.toThrow(/code: .unsupported/);
    await Promise.all(targets.splice(0).map((target) => target.stop()));
    copyLibraries(stripped, root);
    await patchAndUndo(stripped, { command: ["chroot", root, "/target"] });
  });

  test("stripped, with its symbols packed within it (.gnu_debugdata)", async ({ skip }) => {
    need(skip, objcopy, "--version");
    need(skip, xz, "--version");
    const binary = compile();
    const [mini, stripped] = [`${binary}-mini`, `${binary}-stripped`];
    execFileSync(objcopy, ["--only-keep-debug", binary, mini]);
    execFileSync(objcopy, ["--strip-debug", mini]);
    writeFileSync(`${mini}.xz`, execFileSync(xz, ["--stdout", mini]));
    execFileSync(objcopy, ["--strip-all", "--add-section", `.gnu_debugdata=${mini}.xz`, binary, stripped]);
    await patchAndUndo(stripped);
    // neither what is no archive, nor what would fill the memory
    const bomb = execFileSync(xz, ["--stdout"], { input: Buffer.alloc(65 * 1024 * 1024) });
    for (const hostile of ["no archive", bomb]) {
      writeFileSync(`${mini}.xz`, hostile);
      execFileSync(objcopy, ["--strip-all", "--add-section", `.gnu_debugdata=${mini}.xz`, binary, stripped]);
      expect(() => debugDataOf(new ElfFile(readFileSync(stripped)))).toThrow(/cannot be unpacked/);
    }
  });

  test("whose file was deleted, or replaced by another build", async () => {
    for (const replace of [false, true]) {
      const [binary, other] = [compile(), compile()];
      const build = `${binary}-kept`;
      copyFileSync(binary, build);
      const whileRuns = () => {
        rmSync(binary);
        if (replace) copyFileSync(other, binary);
      };
      await patchAndUndo(binary, { build, whileRuns });
    }
  });

  test("in a mount and pid namespace, and a root, of its own", async ({ skip }) => {
    need(skip, "unshare", "--mount", "--pid", "--fork", "true");
    const binary = compile(["-static"]);
    const root = join(directory, "other-root");
    mkdirSync(root);
    copyFileSync(binary, join(root, "target"));
    const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"];
    await patchAndUndo(binary, { command: [...unshare, "chroot", root, "/target"] });
  });

  test("in a user namespace of its own", async ({ skip }) => {
    need(skip, "unshare", "--user", "--map-root-user", "true");
    const binary = compile();
    await patchAndUndo(binary, { command: ["unshare", "--user", "--map-root-user", binary] });
  });

  test("that may make no more mappings (seccomp)", async () => {
    const binary = compile();
    await patchAndUndo(binary, { command: [binary, "sandbox"] });
  });

  test("of musl, dynamic and static", async ({ skip }) => {
    need(skip, "musl-gcc", "--version");
    // the kernel's headers, which musl has none of
    const headers = ["/usr/include", "/usr/include/x86_64-linux-gnu"].flatMap((path) => ["-idirafter", path]);
    await patchAndUndo(compile(headers, "musl-gcc"));
    await patchAndUndo(compile(["-static", "-Wl,--build-id=none,-u,sigaction", ...headers], "musl-gcc"));
  });

  test("that is a shared library, in every program that maps it", async () => {
    const library = buildLibrary();
    const programs = ["one", "other"].map((name) => buildProgram(name, library));
    for (const program of programs) targets.push(await startTarget(program));
    const engine = newEngine();
    const patch = patchFor(library, payload, bothFunctions);
    expect(await engine.apply(patch)).toMatchObject({ code: "applied", evidence: { processes: { length: 2 } } });
    for (const target of targets) expect(await target.ask("value")).toBe("30");
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    for (const target of targets) expect(await target.ask("value")).toBe("3");
  });

  test("that is a program and its library, each with a variant of the same patch", async () => {
    const library = buildLibrary();
    const program = buildProgram("both", library, "int two(void) { return 2; }");
    const own = join(directory, "two.so");
    writeFileSync(join(directory, "two.c"), "int two_fixed(void) { return 20; }");
    compilePayload(join(directory, "two.c"), own);
    const target = await startTarget(program);
    targets.push(target);
    const journalDir = mkdtempSync(join(directory, "journal-"));
    const engine = newEngine(journalDir);
    const variants = [
      patchFor(library, payload, bothFunctions.slice(0, 1)),
      patchFor(program, own, bothFunctions.slice(1)),
    ];
    for (const [at, value] of ["12", "30"].entries()) {
      const variant = variants[at] ?? expect.fail();
      expect(await engine.apply(variant)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe(value);
    }
    for (const variant of variants) expect(await engine.apply(variant)).toMatchObject({ code: "already-applied" });
    const [{ id } = expect.fail()] = variants;
    expect(await engine.undo(id)).toMatchObject({ code: "undone" });
    expect([await target.ask("value"), recordsIn(journalDir)]).toEqual(["3", []]);
  });
});

/** The test's program as a library, with a build of its own. */
function buildLibrary(): string {
  const library = join(mkdtempSync(join(directory, "library-")), "libtarget.so");
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  const shared = ["-shared", "-fPIC", "-O2", "-g", "-pthread", "-fno-inline", "-fno-ipa-cp", "-Dmain=run_target"];
  execFileSync(compiler, [...shared, id, "-o", library, join(sources, "target.c")]);
  return library;
}

/** A program that runs it, with some functions of its own. */
function buildProgram(name: string, library: string, functions = ""): string {
  const [main, program] = [join(directory, `${name}.c`), join(directory, name)];
  writeFileSync(
    main,
    `int run_target(int, char **); int main(int n, char **given) { return run_target(n, given); } ${functions}\n`,
  );
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  execFileSync(compiler, [id, "-o", program, main, library, `-Wl,-rpath,${dirname(library)}`]);
  return program;
}

/** Copies what the dynamic linker needs into another root. */
function copyLibraries(binary: string, root: string): void {
  for (const [path = ""] of execFileSync(lister, [binary], { encoding: "utf8" }).matchAll(/\/\S+/g)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}
