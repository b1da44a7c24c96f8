import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "suture-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program on a state directory of its own. */
function agent(...args: string[]) {
  const main = join(import.meta.dirname, "main.ts");
  const env = { ...process.env, SUTURE_AGENT_STATE: join(folder, "state"), SUTURE_ENROLMENT_TOKEN: "" };
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env });
}

describe("suture-agent", () => {
  it("says what is wrong, what to do next and the code, and exits by its kind", () => {
    const { status, stderr } = agent("status");
    expect(status).toBe(3);
    expect(stderr).toMatch(/^error: .*holds no enrolment\nRun `suture-agent enroll .*\ncode: not-enrolled\n$/s);
  });

  it("answers --json with one object, for a wrong usage too", () => {
    for (const [args, code, exit] of [
      [["once", "--json"], "not-enrolled", 3],
      [["enroll", "--json"], "invalid-request", 2],
      [["enroll", "--json", "--server", "http://suture.example.com", "--token", "t"], "invalid-request", 2],
      [["image", "prepare", "--json", "--server", "https://suture.example.com", "--token", "t"], "invalid-request", 2],
      [["unenroll", "--json"], "not-enrolled", 3],
    ] as const) {
      const { status, stdout } = agent(...args);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code } });
      expect(status).toBe(exit);
    }
  });
});
