import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import { readPatchFolder } from "../../cli/patch-folder.ts";
import { runSuture } from "../../cli/program.ts";
import { type BothBuilds, compileBoth, patchOf } from "../support/elf/built-patch.ts";
import { patient } from "../support/elf/patient.ts";
import { startTarget, type Target } from "../support/elf/target.ts";

const builds: BothBuilds[] = [];
const targets: Target[] = [];
afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop()));
});
afterAll(() => {
  for (const { directory } of builds) rmSync(directory, { recursive: true, force: true });
});

function both(source: string, main: string): BothBuilds {
  const made = compileBoth({ "app.c": `#include "server.h"\n${source}`, "main.c": `#include "server.h"\n${main}` });
  builds.push(made);
  return made;
}

async function buildElf(
  { directory, program }: BothBuilds,
  ...more: string[]
): Promise<{ json: unknown; text: string }> {
  const run = async (...flags: string[]) => {
    let printed = "";
    const about = ["--product", "p", "--patch", "fix", "--title", "Fix", "--severity", "high"];
    const paths = ["--before", join(directory, "before"), "--after", join(directory, "after"), "--target", program];
    await runSuture(["build", "elf", ...paths, "--out", join(directory, "fix"), ...about, ...more, ...flags], {
      env: {},
      home: directory,
      now: () => new Date(0),
      out: (text) => {
        printed += text;
      },
      err: () => undefined,
      watched: false,
    });
    return printed;
  };
  return { json: JSON.parse(await run("--json")), text: await run() };
}

it("the report says what is in a payload and why, and what was left out; --explain shows the chain", async () => {
  const made = both(
    `#include <assert.h>
     static inline int half(int n) {
     #ifdef FIXED
       if (n > 90) return getpid();
     #endif
       return n / 2;
     }
     #ifdef FIXED
     __attribute__((noinline)) static int checked(int n) { static int seen; return seen++ + n; }
     __attribute__((noinline)) static int bounded(int n) { return n > 50 ? checked(n) : n; }
     #endif
     __attribute__((noinline)) int one(int n) { return half(n) + getpid(); }
     __attribute__((noinline)) int two(int n) {
     #ifdef FIXED
       return bounded(n) * 3;
     #else
       return n * 3 + getpid() - getpid();
     #endif
     }
     __attribute__((noinline)) int three(int n) { assert(n); return n; }`
      .replaceAll("\n     ", "\n")
      .replace(
        "__attribute__((noinline)) int three",
        "#ifdef FIXED\n#line 101\n#else\n#line 100\n#endif\n__attribute__((noinline)) int three",
      ),
    'int one(int n), two(int n), three(int n); SERVE(printf("%d\\n", one(n) + two(n) + three(n)))',
  );
  const { json, text } = await buildElf(made);
  expect(json).toMatchObject({
    leftOut: [{ name: "three", source: { file: "app.c" } }],
    included: [
      { name: "one", kind: "replaced", because: [expect.stringMatching(/^half is inlined into it, and there/)] },
      { name: "two", kind: "replaced", source: { file: "app.c" } },
      { name: "bounded", kind: "new", because: ["two refers to bounded"] },
      { name: "checked", kind: "new", because: ["bounded refers to checked", "two refers to bounded"] },
      { name: "seen of checked()", kind: "new" },
    ],
  });
  expect(text).toMatch(/^ {2}one \(app\.c:\d+\): half is inlined into it/m);
  expect(text).toContain("differ in line numbers or dates alone: three.");
  const explain = async (name: string) => (await buildElf(made, "--explain", name)).text;
  expect(await explain("seen")).toMatch(
    /^seen of checked\(\), new \(app\.c:\d+\): checked refers to .*\n {2}bounded refers to checked\n {2}two refers to bounded\n$/,
  );
  expect(await explain("three")).toMatch(/^three \(app\.c:\d+\) is not in the payload: it differs in line numbers/);
  expect(await explain("main")).toBe(
    "main is not in the payload: it is the same in both builds, or in none of the files\n",
  );
});

const clamp = `
  static int last;
  __attribute__((noinline)) static int clamp(int n) {
  #ifdef FIXED
    char note[32];
    snprintf(note, sizeof note, "asked for %d", n);
    if (note[0] != 'a') return -1;
  #endif
    last = n;
    return n > 1000 ? 1000 : n;
  }
  __attribute__((noinline)) long sum(int a, int b, int c, int d) { long total = clamp(a); return total + b * 2 + c * 3 + d * 5; }`;
const adding = 'long sum(int, int, int, int); SERVE(printf("%ld\\n", sum(n, 10, 20, 30)))';

it("callers that rely on registers which a function leaves alone are replaced with it", async () => {
  const made = both(clamp, adding);
  const built = made.build();
  expect(built.functions.map(({ name }) => name)).toEqual(["clamp", "sum"]);
  const target = await startTarget(made.program);
  targets.push(target);
  expect(await target.ask("5")).toBe("235");
  const engine = patient(createElfEngine({ journalDir: join(made.directory, "journal") }));
  expect(await engine.apply(patchOf(built))).toMatchObject({ code: "applied" });
  expect(await target.ask("5")).toBe("235");
});

it("a payload by hand is refused for a function that the target lacks, and for one whose callers rely on its registers", async () => {
  const made = both(clamp, adding);
  const fix = join(made.directory, "fix.c");
  writeFileSync(fix, "int f(int n) { return n; }");
  execFileSync(process.env.CC ?? "cc", ["-shared", "-fPIC", "-nostdlib", "-o", join(made.directory, "fix.so"), fix]);
  const read = (entry: object) => {
    const variant = { engine: "elf", match: { binary: made.program }, payload: "fix.so", functions: [entry] };
    const patch = { product: "p", patch: "fix", version: 1, title: "t", severity: "low", variants: [variant] };
    writeFileSync(join(made.directory, "patch.json"), JSON.stringify(patch));
    return readPatchFolder(made.directory, "edge");
  };
  await expect(read({ name: "clmap", replacement: "f" })).rejects.toThrow(
    /functions\[0\]\.name: .* has no function clmap/,
  );
  await expect(read({ name: "clamp", replacement: "f" })).rejects.toThrow(
    /functions\[0\]\.name: callers of clamp .*-fno-ipa-ra/,
  );
  const [entry = { sha256: "" }] = made.build().functions;
  await expect(
    read({ ...entry, replacement: "f", sha256: entry.sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) }),
  ).rejects.toThrow(/functions\[0\]\.sha256: .* has other code at 0x/);
  expect((await read({ ...entry, replacement: "f" })).manifest.variants).toHaveLength(1);
  expect((await read({ name: "main", replacement: "f" })).manifest.variants).toHaveLength(1);
});

it("a layout that the vendor answers for is accepted by name, and the decision is part of what is signed", async () => {
  const made = both(
    `struct note {
     #ifdef FIXED
       int spare;
     #endif
       int value; };
     __attribute__((noinline)) int read(struct note *note) { return note->value + getpid() * 0; }
     __attribute__((noinline)) int handle(int n) { struct note note = {.value = n}; return read(&note) + getpid() * 0; }`
      .replaceAll("\n     ", "\n")
      .replaceAll("read(", "value_of("),
    'int handle(int); SERVE(printf("%d\\n", handle(n)))',
  );
  expect((await buildElf(made)).json).toMatchObject({
    error: { detail: expect.stringMatching(/struct note differs .*--accept-layout/) },
  });
  const accepted = "struct note: spare is new, at 0, and its size was 4 and is 8 bytes";
  expect((await buildElf(made, "--accept-layout", "note")).json).toMatchObject({ acceptedLayouts: [accepted] });
  const { text } = await readPatchFolder(join(made.directory, "fix"), "edge");
  expect(text).toContain(JSON.stringify(accepted));
  expect((await buildElf(made, "--accept-layout", "note", "basket")).json).toMatchObject({
    error: {
      code: "invalid-request",
      detail: expect.stringContaining("--accept-layout basket: its layout does not differ"),
    },
  });
});
