import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch, Outcome } from "../../agent/engines/engine.ts";
import { ElfFile, sectionType } from "../../protocol/elf/elf-file.ts";
import { patient } from "../support/elf/patient.ts";
import { patchFor, startTarget, type Target } from "../support/elf/target.ts";

const compiler = process.env.CC ?? "cc";
const objcopy = "objcopy";
const folder = mkdtempSync(join(tmpdir(), "suture-binding-"));
const targets: Target[] = [];

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop()));
});

/** Compiles C in a folder; each file has a build of its own. */
function compile(directory: string, file: string, source: string, ...flags: string[]): string {
  const [from, to] = [join(directory, `${file}.c`), join(directory, file)];
  writeFileSync(from, source);
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")},-rpath,${directory}`;
  execFileSync(compiler, ["-O0", id, "-o", to, from, `-L${directory}`, ...flags]);
  return to;
}

const library = ["-shared", "-fPIC"];
const payload = [...library, "-nostdlib", "-fno-builtin"];
/** Answers each number with checked() of it. */
const main = `
  #include <stdio.h>
  #include <stdlib.h>
  #include <unistd.h>
  int checked(int n);
  int main(void) {
    char line[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready %d\\n", (int)getpid());
    while (fgets(line, sizeof line, stdin)) printf("%d\\n", checked(atoi(line)));
  }`;

function newFolder(): string {
  return mkdtempSync(join(folder, "case-"));
}

async function start(program: string, ...args: string[]): Promise<Target> {
  const target = await startTarget(program, ...args);
  targets.push(target);
  return target;
}

function patchOf(binary: string, fix: string, more: Partial<ElfPatch["variant"]["functions"][number]> = {}): ElfPatch {
  return patchFor(binary, fix, [{ name: "checked", replacement: "checked_fixed", ...more }]);
}

async function apply(patch: ElfPatch): Promise<Outcome> {
  return patient(createElfEngine({ journalDir: newFolder() })).apply(patch);
}

describe("a payload's names mean what they mean to the target", () => {
  const limited = `
    int limit = 1000;
    int refuse(int n) { return -n; }
    int unused(int n) { return n; }
    int checked(int n) { return n > limit ? refuse(n) : n; }`;
  const fix = `
    extern int limit; int refuse(int n);
    int checked_fixed(int n) { return n < 0 ? 0 : n > limit ? refuse(n) : n; }`;

  test("the program's copy of a library's variable, and the function that it defines in the library's place", async () => {
    const directory = newFolder();
    const lib = compile(directory, "libdemo.so", limited, ...library);
    const own =
      "extern int limit; int refuse(int n) { return n + 7000; } __attribute__((constructor)) void set(void) { limit = 10; }";
    const app = compile(directory, "app", main + own, "-rdynamic", "-ldemo");
    const target = await start(app);
    expect(await target.ask("500")).toBe("7500");
    expect(await apply(patchOf(lib, compile(directory, "fix.so", fix, ...payload)))).toMatchObject({ code: "applied" });
    expect([await target.ask("-3"), await target.ask("9"), await target.ask("500")]).toEqual(["0", "9", "7500"]);
  });

  test("by an absolute address, too, as older payloads have them; one that nobody may replace stays the target's own", async () => {
    const directory = newFolder();
    const lib = compile(directory, "libdemo.so", limited, ...library);
    const own = "int refuse(int n) { return n + 7000; }";
    const target = await start(compile(directory, "app", main + own, "-rdynamic", "-ldemo"));
    const [refuse] = new ElfFile(readFileSync(lib)).dynamicSymbols.find("refuse");
    const calls = "int refuse(int n); int checked_fixed(int n) { return refuse(n); }";
    const absolute = `-Wl,--defsym=refuse=${refuse?.address}`;
    const fixed = compile(directory, "fix.so", calls, ...payload, absolute);
    // as `suture build elf` marks an address that is meant as such: protected, in the sixth byte of the symbol's entry
    const bytes = readFileSync(fixed);
    const table = new ElfFile(bytes).sections.find(({ type }) => type === sectionType.dynamicSymbols);
    const [index] = new ElfFile(bytes).dynamicSymbols.named("refuse");
    bytes[(table?.offset ?? 0) + (index ?? 0) * 24 + 5] = 3;
    const asProtected = join(directory, "own.so");
    writeFileSync(asProtected, bytes);
    expect(await apply(patchOf(lib, fixed))).toMatchObject({ code: "applied" });
    expect(await target.ask("500")).toBe("7500");
    const next = { ...patchOf(lib, asProtected), id: "acme/target/stable/fix@2" };
    expect(await apply(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("500")).toBe("-500");
  });

  test("what no table of the target has is the first module's that the dynamic linker asks: one that was preloaded", async () => {
    const directory = newFolder();
    const lib = compile(directory, "libdemo.so", "int checked(int n) { return n; }", ...library);
    compile(
      directory,
      "libtwo.so",
      "int scale(int n) { return 2 * n; } int both(int n) { return scale(n); }",
      ...library,
    );
    const preloaded = compile(directory, "libten.so", "int scale(int n) { return 10 * n; }", ...library);
    const app = compile(directory, "app", main, "-Wl,--no-as-needed", "-ldemo", "-ltwo");
    const fixed = compile(
      directory,
      "fix.so",
      "int scale(int); int checked_fixed(int n) { return scale(n); }",
      ...payload,
    );
    const [plain, other] = [await start(app), await start("env", `LD_PRELOAD=${preloaded}`, app)];
    expect(await apply(patchOf(lib, fixed))).toMatchObject({ code: "applied" });
    expect([await plain.ask("4"), await other.ask("4")]).toEqual(["8", "40"]);
  });

  test("an exported function that another module defines, too, and of which no table tells, is refused", async () => {
    const directory = newFolder();
    const lib = compile(directory, "libdemo.so", limited, ...library);
    const app = compile(directory, "app", `${main} int unused(int n) { return 3 * n; }`, "-rdynamic", "-ldemo");
    await start(app);
    const fixed = compile(
      directory,
      "fix.so",
      "int unused(int); int checked_fixed(int n) { return unused(n); }",
      ...payload,
    );
    expect(await apply(patchOf(lib, fixed))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("app defines unused in "),
    });
  });

  test("each version of a symbol, and without one the version that is linked today", async () => {
    const directory = newFolder();
    const versioned = `
      __attribute__((symver("scale@OLD"))) int scale_old(int n) { return 2 * n; }
      __attribute__((symver("scale@@NEW"))) int scale_new(int n) { return 10 * n; }`;
    writeFileSync(join(directory, "map"), "OLD { global: scale; local: *; }; NEW { } OLD;");
    compile(directory, "libscale.so", versioned, ...library, `-Wl,--version-script=${directory}/map`);
    const app = compile(directory, "app", `${main} int checked(int n) { return n; }`, "-Wl,--no-as-needed", "-lscale");
    const target = await start(app);
    const wanted = (version: string) => `
      __asm__(".symver scale, scale@${version}"); int scale(int);
      int checked_fixed(int n) { return scale(n); }`;
    const without = "int scale(int); int checked_fixed(int n) { return scale(n); }";
    for (const [at, [source, answer, flags]] of (
      [
        [wanted("OLD"), "8", ["-lscale"]],
        [wanted("NEW"), "40", ["-lscale"]],
        [without, "40", []],
      ] as const
    ).entries()) {
      const fixed = compile(directory, `fix${at}.so`, source, ...payload, ...flags);
      expect(await apply({ ...patchOf(app, fixed), id: `acme/target/stable/fix@${at + 1}` })).toMatchObject({
        code: "applied",
      });
      expect(await target.ask("4")).toBe(answer);
    }
  });

  test("a weak reference is 0 where nothing defines it, and the definition where something does", async () => {
    const directory = newFolder();
    const hooked = "__attribute__((weak)) int hook(int n);";
    const program = `${main} ${hooked} int checked(int n) { return hook ? hook(n) : n; }`;
    const fixed = compile(
      directory,
      "fix.so",
      `${hooked} int checked_fixed(int n) { return hook ? hook(n) + 1 : n + 1; }`,
      ...payload,
    );
    compile(directory, "libhook.so", "int hook(int n) { return 100 * n; }", ...library);
    for (const [name, flags, answer] of [
      ["without", [], "5"],
      ["with", ["-Wl,--no-as-needed", "-lhook"], "401"],
    ] as const) {
      const app = compile(directory, name, program, ...flags);
      const target = await start(app);
      expect(await apply(patchOf(app, fixed))).toMatchObject({ code: "applied" });
      expect(await target.ask("4")).toBe(answer);
    }
  });

  test("for a plugin, what the program has and what the plugin needs itself, and not what it may not see", async () => {
    const directory = newFolder();
    compile(directory, "libown.so", "int own(int n) { return n + 1; }", ...library);
    compile(directory, "libalien.so", "int alien(int n) { return n; }", ...library);
    const needsOwn = ["-Wl,--no-as-needed", "-lown"];
    const plugin = compile(directory, "plugin.so", "int checked(int n) { return n; }", ...library, ...needsOwn);
    const loads = `
      #include <dlfcn.h>
      int offset(int n) { return n + 50; }
      static int (*loaded)(int);
      __attribute__((constructor)) static void load(void) {
        dlopen("${directory}/libalien.so", RTLD_NOW);
        loaded = (int (*)(int))dlsym(dlopen("${plugin}", RTLD_NOW), "checked");
      }
      int checked(int n) { return loaded(n); }`;
    const target = await start(compile(directory, "app", main + loads, "-rdynamic", "-ldl"));
    const calls = (name: string) =>
      compile(directory, `${name}.so`, `int ${name}(int); int checked_fixed(int n) { return ${name}(n); }`, ...payload);
    for (const [name, answer] of [
      ["own", "5"],
      ["offset", "54"],
      ["abs", "4"],
    ] as const) {
      const engine = patient(createElfEngine({ journalDir: newFolder() }));
      const patch = patchOf(plugin, calls(name));
      expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
      expect(await target.ask("4")).toBe(answer);
      expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    }
    expect(await apply(patchOf(plugin, calls("alien")))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("libalien.so alone, which the target may not see"),
    });
  });

  test("a function that the linker made local, as it does with what is hidden", async () => {
    const directory = newFolder();
    const source =
      '__attribute__((visibility("hidden"))) int helper(int n) { return n + 5; } int checked(int n) { return helper(n); }';
    const lib = compile(directory, "libdemo.so", source, ...library);
    const target = await start(
      compile(directory, "app", `${main} int helper(int n) { return -n; }`, "-rdynamic", "-ldemo"),
    );
    const fixed = compile(
      directory,
      "fix.so",
      "int helper(int); int checked_fixed(int n) { return helper(n) * 2; }",
      ...payload,
    );
    expect(await apply(patchOf(lib, fixed))).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("18");
  });
});

describe("the function that a patch replaces is the one that is meant", () => {
  const directory = newFolder();
  const fix = compile(directory, "fix.so", "int checked_fixed(int n) { return n + 100; }", ...payload);

  test("not one that the linker folded with another, unless the patch names the other as its alias", async () => {
    const folded = `${main}
      int checked(int n) { return n * 3; }
      extern int admin(int n) __attribute__((alias("checked")));`;
    const app = compile(newFolder(), "app", folded);
    const target = await start(app);
    expect(await apply(patchOf(app, fix))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("checked is the same code as admin, which would change with it"),
    });
    expect(await target.ask("4")).toBe("12");
    expect(await apply(patchOf(app, fix, { aliases: ["admin"] }))).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("104");
  });

  test("not refused for names that compilers and C libraries give one function", async () => {
    const named = `${main}
      int checked(int n) { return n * 3; }
      extern int __checked(int n) __attribute__((alias("checked")));
      extern int __libc_checked(int n) __attribute__((alias("checked")));`;
    const app = compile(newFolder(), "app", named);
    const target = await start(app);
    expect(await apply(patchOf(app, fix))).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("104");
  });

  test("one version of several is named with its version, and one name of several versions is refused with them", async () => {
    const own = newFolder();
    const versioned = `
      __attribute__((symver("checked@OLD"))) int checked_old(int n) { return n > 1000 ? -1 : n; }
      __attribute__((symver("checked@@NEW"))) int checked_new(int n) { return n > 1000 ? 1000 : n; }`;
    writeFileSync(join(own, "map"), "OLD { global: checked; local: *; }; NEW { } OLD;");
    const script = `-Wl,--version-script=${own}/map`;
    const lib = compile(own, "libdemo.so", versioned, ...library, script, "-s");
    const target = await start(compile(own, "app", main, "-ldemo"));
    expect(await apply(patchOf(lib, fix))).toMatchObject({
      code: "unsupported",
      detail: expect.stringMatching(
        /more than one function checked: say which of checked@OLD, checked@NEW|checked@NEW, checked@OLD/,
      ),
    });
    for (const name of ["checked@NEW", "checked@@NEW"]) {
      const patch = patchOf(lib, fix, { name });
      const engine = patient(createElfEngine({ journalDir: newFolder() }));
      expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
      expect(await target.ask("4")).toBe("104");
      expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    }
  });

  test("by its address in a program that has no symbols at all; other bytes there are another program's", async () => {
    const own = newFolder();
    const app = compile(own, "app", `${main} int checked(int n) { return n * 3; }`);
    const file = new ElfFile(readFileSync(app));
    const [symbol] = file.symbols.find("checked");
    const { address = 0, size = 0 } = symbol ?? {};
    const sha256 = createHash("sha256")
      .update(file.bytesAt(address, size) ?? "")
      .digest("hex");
    const place = { address: `0x${address.toString(16)}`, size };
    execFileSync(objcopy, ["--strip-all", app]);
    const target = await start(app);
    expect(await apply(patchOf(app, fix))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("no function checked"),
    });
    expect(await apply(patchOf(app, fix, { ...place, sha256: "0".repeat(64) }))).toMatchObject({
      code: "not-applicable",
    });
    expect(await apply(patchOf(app, fix, { ...place, sha256 }))).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("104");
  });

  test("a short one beside a patched neighbour is read no further than its jump needs", async () => {
    const short = `
      __asm__(".text\\n.globl checked\\n.type checked,@function\\nchecked: leal (%rdi,%rdi,2),%eax\\nnop\\nret\\n.size checked,.-checked\\n"
              ".globl other\\n.type other,@function\\nother: leal (%rdi,%rdi,4),%eax\\nnop\\nret\\n.size other,.-other\\n");
      int other(int n);`;
    const app = compile(
      newFolder(),
      "app",
      `${main.replace("checked(atoi(line))", "checked(atoi(line)) + other(atoi(line))")} ${short}`,
    );
    const target = await start(app);
    const engine = patient(createElfEngine({ journalDir: newFolder() }));
    expect(await target.ask("4")).toBe("32");
    expect(
      await engine.apply({ ...patchOf(app, fix, { name: "other" }), id: "acme/target/stable/other@1" }),
    ).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("116");
    expect(await engine.apply(patchOf(app, fix))).toMatchObject({ code: "applied" });
    expect(await target.ask("4")).toBe("208");
    expect(await engine.undo("acme/target/stable/other@1")).toMatchObject({ code: "undone" });
    expect(await target.ask("4")).toBe("124");
  });
});
