import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import { openHost } from "../../test/support/agent/host.ts";
import { recover } from "./recover.ts";

const patch = "acme/echod/stable/fix@1";
const program = fileURLToPath(import.meta.resolve("../../test/support/agent/killed-agent.ts"));
const offline = () => Promise.reject(new SutureError("unreachable", "there is no network"));

it.each(["apply", "undo"])(
  "killed at any step of an %s, it ends after a restart in applied or not applied, never between",
  async (action) => {
    const ends = new Set<string>();
    for (let step = 1; ; step++) {
      const directory = mkdtempSync(join(tmpdir(), "suture-killed-"));
      const child = spawnSync(process.execPath, [program, directory, action, String(step)], { encoding: "utf8" });
      const host = await openHost({ directory, clock: { millis: Date.now() }, http: offline });
      await recover(host.agent);
      const pids = host.engine.pidsWith(patch);
      const record = host.agent.patches.get(patch);
      expect([[], [1, 2]]).toContainEqual(pids);
      expect(host.engine.read().staged).toEqual([]);
      expect(host.agent.journal.read()).toBeUndefined();
      expect(record?.state === "applied").toBe(pids.length > 0);
      ends.add(record?.state ?? "unknown");
      rmSync(directory, { recursive: true });
      if (child.signal !== "SIGKILL") {
        expect(child.stderr).toBe("");
        expect(child.status).toBe(0);
        expect(step).toBeGreaterThan(3);
        break;
      }
    }
    expect(ends.has(action === "apply" ? "applied" : "undone")).toBe(true);
  },
  120_000,
);
