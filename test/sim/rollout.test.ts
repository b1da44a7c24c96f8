import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { simulateRollout } from "./rollout.ts";

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "suture-sim-test-"));
});
afterAll(() => rm(dataDir, { recursive: true }));
const options = (name: string) => ({ dataDir: join(dataDir, name), hosts: 60, seed: 1, log: () => undefined });

const minutes = 60_000;

it(
  "a patch that breaks half of the hosts is halted in the first wave and taken out again",
  async () => {
    // Who is in the first wave is chance: of a fifth it has none, or one that proves nothing, in one run of four
    const verdict = await simulateRollout({ ...options("bad"), bad: 0.5, chaos: false, hosts: 240 });
    expect(verdict).toMatchObject({ ok: true, halted: true, wronglyPatched: 0, reconciled: true });
    expect(verdict.undone + verdict.undoPending).toBe(verdict.applied);
  },
  10 * minutes,
);

it(
  "a good patch reaches every host, over a restart, repeated and late reports, hosts that are off and clocks that jump",
  async () => {
    const verdict = await simulateRollout({ ...options("good"), bad: 0, chaos: true });
    expect(verdict).toMatchObject({ ok: true, halted: false, applied: 60, wronglyPatched: 0, reconciled: true });
  },
  10 * minutes,
);
