import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runSuture } from "../../cli/program.ts";
import { buildOf } from "../../protocol/build-id.ts";

const compiler = process.env.CC ?? "cc";
const objcopy = "objcopy";
const folder = mkdtempSync(join(tmpdir(), "suture-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const library = ["-shared", "-fPIC"];
const payload = [...library, "-nostdlib", "-fno-builtin"];

function compile(name: string, source: string, ...flags: string[]): string {
  const [from, to] = [join(folder, `${name}.c`), join(folder, name)];
  writeFileSync(from, source);
  execFileSync(compiler, ["-O0", "-Wl,--build-id=uuid", "-o", to, from, `-L${folder}`, ...flags]);
  return to;
}

let answers = 0;
/** `suture ... --json`, as one types it: the exit code and what it printed. */
async function suture(...args: string[]): Promise<{ code: number; answer: Record<string, unknown> }> {
  let printed = "";
  const code = await runSuture([...args, "--json"], {
    env: {},
    home: folder,
    now: () => new Date(0),
    out: (text) => {
      printed += text;
    },
    err: () => undefined,
    watched: false,
  });
  return { code, answer: JSON.parse(printed) };
}

/** A patch's folder with one variant. */
function patchFolder(fix: string, match: object, ...functions: object[]): string {
  const patch = join(folder, `patch-${answers++}`);
  mkdirSync(patch);
  copyFileSync(fix, join(patch, "fix.so"));
  const variant = { engine: "elf", match, payload: "fix.so", functions };
  const about = { product: "demo", patch: "fix", version: 1, title: "Fix", severity: "high" };
  writeFileSync(join(patch, "patch.json"), JSON.stringify({ ...about, variants: [variant] }));
  return patch;
}

const app = compile(
  "app",
  `#include <stdlib.h>
   int checked(int n) { return n * 3; }
   int other(int n) { return n * 5; }
   extern int folded(int n) __attribute__((alias("other")));
   __asm__(".globl tiny\\n.type tiny,@function\\ntiny: ret\\n.size tiny,.-tiny\\n");
   int main(int n, char **given) { return checked(n) + other(atoi(given[0])); }`,
);
const replaced = { name: "checked", replacement: "checked_fixed" };

describe("a patch is bound to its target where it is made, by the rules of the hosts", () => {
  it("says where its functions are, and what only a process decides", async () => {
    const fix = compile(
      "fix.so",
      'int atoi(const char *); int checked_fixed(int n) { return n + atoi("1"); }',
      ...payload,
    );
    const checked = await suture("check", patchFolder(fix, { binary: app }, replaced));
    expect(checked).toMatchObject({
      code: 0,
      answer: {
        targets: [
          {
            target: app,
            functions: [{ name: "checked", address: expect.stringMatching(/^0x[0-9a-f]+$/), size: expect.any(Number) }],
            undecided: [{ name: "atoi", reason: "the dynamic linker decides it in each process" }],
          },
        ],
      },
    });
  });

  it("refuses all that no host would apply, each with its place, at check and at publish alike", async () => {
    const fix = compile("uses.so", "int checked_fixed(int n) { return n; }", ...payload);
    const missing = { ...replaced, name: "no_such_function" };
    const alike = { ...replaced, name: "other" };
    const short = { ...replaced, name: "tiny" };
    const wrong = patchFolder(fix, { binary: app }, missing, alike, short);
    const folded = "other is the same code as folded";
    expect(await suture("publish", wrong, "--dry-run")).toMatchObject({
      code: 2,
      answer: {
        error: {
          code: "invalid-patch",
          issues: [
            { path: "variants[0].functions[0].name", reason: expect.stringContaining("no function no_such_function") },
          ],
        },
      },
    });
    const buildId = buildOf(readFileSync(app)) ?? "";
    const issues = [
      { path: "variants[0].functions[0].name", reason: expect.stringContaining("no function no_such_function") },
      { path: "variants[0].functions[1].name", reason: expect.stringContaining(folded) },
      { path: "variants[0].functions[2].name", reason: expect.stringContaining("tiny is too short: 1 bytes") },
    ];
    const byBuild = patchFolder(fix, { buildId }, missing, alike, short);
    expect(await suture("check", byBuild, "--target", app)).toMatchObject({ code: 2, answer: { error: { issues } } });
    expect(await suture("check", byBuild)).toMatchObject({ code: 2, answer: { error: { code: "invalid-request" } } });
  });

  it("refuses a name that neither the target nor its libraries define, where these are here", async () => {
    const fix = compile("lost.so", "int nowhere(int); int checked_fixed(int n) { return nowhere(n); }", ...payload);
    const patch = patchFolder(fix, { binary: app }, replaced);
    expect(await suture("check", patch)).toMatchObject({
      code: 2,
      answer: { error: { detail: expect.stringContaining("nothing defines nowhere, which the payload uses") } },
    });
    // a library of the target that is not here may define it
    expect(await suture("publish", patch, "--dry-run")).toMatchObject({ code: 0 });
  });

  it("leaves to the process what a library exports and others may replace, and asks a host for the symbols of what is stripped", async () => {
    const source = "int level; int helper(int n) { return n; } int checked(int n) { return helper(n) + level; }";
    const lib = compile("libdemo.so", source, ...library);
    const fix = compile(
      "lib-fix.so",
      "extern int level; int helper(int); int checked_fixed(int n) { return helper(n) - level; }",
      ...payload,
    );
    const checked = await suture("check", patchFolder(fix, { binary: lib }, replaced));
    const names = (checked.answer.targets as { undecided: { name: string }[] }[])[0]?.undecided.map(({ name }) => name);
    expect([checked.code, names?.toSorted()]).toEqual([0, ["helper", "level"]]);

    const stripped = `${app}-stripped`;
    execFileSync(objcopy, ["--strip-all", app, stripped]);
    const own = compile("own.so", "int checked_fixed(int n) { return n; }", ...payload);
    expect(await suture("check", patchFolder(own, { binary: stripped }, replaced))).toMatchObject({
      code: 0,
      answer: {
        targets: [{ functions: [], undecided: [{ name: "checked", reason: expect.stringContaining("debug file") }] }],
      },
    });
  });
});
