import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { Outcome } from "../../agent/engines/engine.ts";
import { countThreads } from "../../agent/system/proc.ts";
import { buildEchod, startEchod } from "../../infra/local/echod.ts";
import { startLoad } from "../../infra/local/load.ts";
import { patient } from "../support/elf/patient.ts";
import { asChildOfAnother, codeOf, patchFor, payloadsOf, recordsIn } from "../support/elf/target.ts";

const cycles = 1_000;
const connections = 64;
const minutes = 60_000;

test(
  "a soak: after 1,000 cycles under load no request has failed, and the server is byte for byte as it was",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "suture-soak-"));
    const { binary, payload } = await buildEchod(directory);
    const server = await startEchod(asChildOfAnother(binary));
    const load = await startLoad({ port: server.port, connections });
    try {
      const journalDir = join(directory, "journal");
      const engine = patient(createElfEngine({ journalDir }));
      const patch = patchFor(binary, payload, [{ name: "echo", replacement: "echo_checked" }]);
      // a thread, with its stack, for each connection, the probe's among them, and the first: what the server itself maps is there then
      await expect.poll(() => countThreads(server.pid), { timeout: 60_000 }).toBe(connections + 2);
      const code = codeOf(server.pid);
      const handles = () => readdirSync("/proc/self/fd").length;
      await untilDone("applied", () => engine.apply(patch));
      await untilDone("undone", () => engine.undo(patch.id));
      const [open, mappings] = [handles(), countMappings(server.pid)];
      for (let cycle = 0; cycle < cycles; cycle++) {
        // the load is of this process, and the engine leaves it no time
        await sleep(10);
        await untilDone("applied", () => engine.apply(patch));
        if (cycle % 100 === 0) expect(await load.leak()).toBe(false);
        await untilDone("undone", () => engine.undo(patch.id));
        if (cycle % 100 === 0) expect(await load.leak()).toBe(true);
      }
      expect(codeOf(server.pid).equals(code)).toBe(true);
      expect(countMappings(server.pid)).toBe(mappings);
      expect(recordsIn(journalDir)).toEqual([]);
      // the payload of the first cycle, in every later one
      expect(payloadsOf(server.pid)).toHaveLength(1);
      expect(handles()).toBeLessThanOrEqual(open);
      await load.stop();
      expect(load.stats()).toMatchObject({ failed: 0, closed: 0 });
      expect(load.stats().requests).toBeGreaterThan(cycles);
      console.log(`${cycles} cycles, ${load.stats().requests} requests`);
    } finally {
      await server.stop();
      rmSync(directory, { recursive: true });
    }
  },
  20 * minutes,
);

/** A thread may be in the way for as long as the machine gives it no processor: as an agent does, try again. */
async function untilDone(code: string, step: () => Promise<Outcome>): Promise<void> {
  await expect.poll(step, { timeout: 60_000, interval: 20 }).toMatchObject({ code });
}

function countMappings(pid: number): number {
  return readFileSync(`/proc/${pid}/maps`, "latin1").trim().split("\n").length;
}
