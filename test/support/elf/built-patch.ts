import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect } from "vitest";
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../../agent/engines/engine.ts";
import { type BuildDecisions, type BuiltPayload, buildPayload } from "../../../cli/elf/build.ts";
import type { Pair } from "../../../cli/elf/object/pairs.ts";
import { patient } from "./patient.ts";
import { startTarget, type Target } from "./target.ts";

/** Sources of a small program by file name; what the fix changes is within `#ifdef FIXED`. */
export type Sources = Record<string, string>;
export type BuildOptions = { compiler?: string; flags?: readonly string[]; link?: readonly string[] };

/** Both builds of a program, and the program that was linked from the first. */
export type BothBuilds = {
  directory: string;
  program: string;
  pairs: Pair[];
  build: (options?: BuildDecisions) => BuiltPayload;
};

const always = ["-O2", "-g", "-ffunction-sections", "-fdata-sections"];
/** What each program needs that answers lines: `SERVE(expression)` prints one number for the number `n` on a line. */
const server = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define SERVE(call) int main(void) { char line[64]; setvbuf(stdout, NULL, _IOLBF, 0); printf("ready %d\\n", (int)getpid()); \\
  while (fgets(line, sizeof line, stdin)) { int n = atoi(line); call; } return 0; }
`;

/** Compiles a program before and after its fix, in place, so that nothing but the fix differs. */
export function compileBoth(
  sources: Sources,
  { compiler = process.env.CC ?? "cc", flags = [], link = [] }: BuildOptions = {},
): BothBuilds {
  const directory = mkdtempSync(join(tmpdir(), "suture-both-"));
  for (const build of ["before", "after"]) mkdirSync(join(directory, build));
  writeFileSync(join(directory, "server.h"), server);
  const names = Object.keys(sources);
  for (const name of names) {
    for (const folder of ["", "before", "after"])
      mkdirSync(join(directory, folder, dirname(name)), { recursive: true });
    writeFileSync(join(directory, name), sources[name] ?? "");
  }
  const units = names.filter((name) => /\.(?:c|cc|S)$/.test(name));
  const object = (build: string, name: string) => join(directory, build, name.replace(/\.\w+$/, ".o"));
  for (const name of units) {
    for (const [build, fixed] of [
      ["before", []],
      ["after", ["-DFIXED"]],
    ] as const) {
      execFileSync(compiler, [...always, ...flags, ...fixed, "-c", "-o", object(build, name), name], {
        cwd: directory,
      });
    }
  }
  const program = join(directory, "program");
  // an id of its own, or tests that run at the same time would patch each other's processes
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  execFileSync(compiler, [id, ...link, "-o", program, ...units.map((name) => object("before", name))]);
  const read = (path: string) => ({ path, bytes: readFileSync(path) });
  const pairs = units.map((name) => ({ before: read(object("before", name)), after: read(object("after", name)) }));
  return { directory, program, pairs, build: (decisions) => buildPayload(pairs, read(program), decisions) };
}

/** A payload as an agent gets it. */
export function patchOf({ payload, buildId, functions }: BuiltPayload): ElfPatch {
  const sha256 = "0".repeat(64);
  return {
    id: "acme/program/stable/fix@1",
    payload,
    variant: {
      engine: "elf",
      functions,
      match: { buildId, arch: "x86_64" },
      bundle: { sha256, size: 1, encoding: "zstd", payload: { sha256, size: 1 } },
    },
  };
}

/** Builds of a file of tests, gone after each test, with their processes. */
export function builtPrograms(): {
  both: (sources: Sources, options?: BuildOptions) => BothBuilds;
  one: (source: string, options?: BuildOptions) => BothBuilds;
  answers: (builds: BothBuilds, lines: readonly string[][]) => Promise<string[][]>;
} {
  const targets: Target[] = [];
  const builds: BothBuilds[] = [];
  afterEach(async () => {
    await Promise.all(targets.splice(0).map((target) => target.stop()));
    for (const { directory } of builds.splice(0)) rmSync(directory, { recursive: true, force: true });
  });
  const both = (sources: Sources, options?: BuildOptions): BothBuilds => {
    const made = compileBoth(sources, options);
    builds.push(made);
    return made;
  };
  return {
    both,
    /** What the fix changes in one file, and beside it a program that answers lines: what follows the file's `---`. */
    one(source, options) {
      const [fixed = "", main = ""] = source.split("---");
      const rest = main && { "main.c": `#include "server.h"\n${main}` };
      return both({ "app.c": `#include "server.h"\n${fixed}`, ...rest }, options);
    },
    /** The answers of a running program before the patch, with it, and after the undo. */
    async answers({ directory, program, build }, lines) {
      const patch = patchOf(build());
      const target = await startTarget(program);
      targets.push(target);
      const engine = patient(createElfEngine({ journalDir: join(directory, "journal") }));
      const told: string[][] = [];
      for (const [step, asked] of lines.entries()) {
        if (step === 1) expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
        if (step === 2) expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
        const round: string[] = [];
        for (const line of asked) round.push(await target.ask(line));
        told.push(round);
      }
      return told;
    },
  };
}
