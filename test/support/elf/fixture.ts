import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import type { ElfPatch, Engine } from "../../../agent/engines/engine.ts";
import { patient } from "./patient.ts";
import { bothFunctions, buildTarget, compilePayload, patchFor, startTarget, type Target } from "./target.ts";

/** What a test of the engine works with: a built program, its processes, and an engine that knows of nothing yet. */
export type ElfFixture = {
  directory: string;
  /** for what is made for one test */
  newDirectory(): string;
  binary: string;
  payload: string;
  /** replaces one() and two() */
  patch: ElfPatch;
  engine: Engine;
  /** where the engine keeps its records; another engine there is the same agent, started again */
  journalDir: string;
  /** Starts the program, or another; it is stopped after the test. */
  start(...args: string[]): Promise<Target>;
  startOther(binary: string, ...args: string[]): Promise<Target>;
  /** A patch of a few lines of C. */
  patchOf(source: string, ...functions: string[]): ElfPatch;
};

/** Builds the test's program once for a file of tests, and gives each test an engine of its own. */
export function elfFixture(): ElfFixture {
  const targets: Target[] = [];
  const none = {} as Pick<ElfFixture, "patch" | "engine">;
  const fixture: ElfFixture = {
    ...none,
    directory: "",
    binary: "",
    payload: "",
    journalDir: "",
    newDirectory: () => mkdtempSync(join(fixture.directory, "own-")),
    start: (...args) => fixture.startOther(fixture.binary, ...args),
    async startOther(binary, ...args) {
      const target = await startTarget(binary, ...args);
      targets.push(target);
      return target;
    },
    patchOf(source, ...functions) {
      const own = fixture.newDirectory();
      const [file, payload] = [join(own, "fix.c"), join(own, "fix.so")];
      writeFileSync(file, source);
      compilePayload(file, payload);
      const names = functions.length > 0 ? functions : ["one"];
      return patchFor(
        fixture.binary,
        payload,
        names.map((name) => ({ name, replacement: `${name}_fixed` })),
      );
    },
  };
  beforeAll(() => {
    fixture.directory = mkdtempSync(join(tmpdir(), "suture-elf-"));
    Object.assign(fixture, buildTarget(fixture.directory));
    fixture.patch = patchFor(fixture.binary, fixture.payload, bothFunctions);
  });
  afterAll(() => rmSync(fixture.directory, { recursive: true, force: true }));
  beforeEach(() => {
    fixture.journalDir = fixture.newDirectory();
    fixture.engine = patient(createElfEngine({ journalDir: fixture.journalDir }));
  });
  afterEach(async () => {
    await Promise.all(targets.splice(0).map((target) => target.stop()));
  });
  return fixture;
}
