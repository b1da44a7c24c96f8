import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import { patient } from "../support/elf/patient.ts";
import { bothFunctions, buildTarget, patchFor, startTarget } from "../support/elf/target.ts";

const toggle = fileURLToPath(new URL("../support/elf/toggle.ts", import.meta.url));
const kills = 100;
/** Several cycles long, so that any moment of one is met. */
const longestLifeMillis = 120;
const minutes = 60_000;

test(
  "an agent that is killed at any moment leaves a target that serves, and the next one finds it applied or not applied",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "suture-kill-"));
    const { binary, payload } = buildTarget(directory);
    const target = await startTarget(binary);
    try {
      const journalDir = join(directory, "journal");
      const [maps, code] = [target.maps(), target.code()];
      const patch = patchFor(binary, payload, bothFunctions);
      for (let kill = 0; kill < kills; kill++) {
        const agent = spawn(process.execPath, [toggle, journalDir, binary, payload], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const ended = once(agent, "exit");
        await once(agent.stdout, "data");
        await sleep(Math.random() * longestLifeMillis);
        agent.kill("SIGKILL");
        await ended;
        // of the two functions one may be replaced already
        expect(await target.ask("value")).toMatch(/^(3|12|21|30)$/);
        const engine = patient(createElfEngine({ journalDir }));
        for (const outcome of await engine.recover()) {
          expect(outcome).toMatchObject({ code: expect.stringMatching(/^(applied|undone)$/) });
        }
        const isApplied = (await engine.list()).length > 0;
        expect(await target.ask("value")).toBe(isApplied ? "30" : "3");
        expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
        expect([kill, target.maps(journalDir) === maps, target.code().equals(code)]).toEqual([kill, true, true]);
      }
    } finally {
      await target.stop();
      rmSync(directory, { recursive: true });
    }
  },
  20 * minutes,
);
