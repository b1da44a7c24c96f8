import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changed, changesOf, readEveryWay } from "../support/elf/hostile.ts";
import { buildTarget } from "../support/elf/target.ts";

const minutes = 60_000;
const inputs = 300_000;
/** Far more than the files need, far less than one that was believed could ask for. */
const memoryBound = 512 * 1024 * 1024;

test(
  "fuzzing: no changed program or payload makes a reader hang, crash, or hold memory without bound",
  () => {
    const directory = mkdtempSync(join(tmpdir(), "suture-fuzz-"));
    try {
      const { binary, payload } = buildTarget(directory);
      const before = process.memoryUsage().rss;
      for (const path of [payload, binary]) {
        const file = readFileSync(path);
        fc.assert(
          fc.property(changesOf(file.length), (changes) => readEveryWay(changed(file, changes))),
          { numRuns: inputs / 2 },
        );
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(memoryBound);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  15 * minutes,
);
