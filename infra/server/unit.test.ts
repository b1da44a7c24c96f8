import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const systemdAnalyze = "/usr/bin/systemd-analyze";

it.skipIf(!existsSync(systemdAnalyze))("systemd has nothing against the service's unit", async () => {
  const folder = await mkdtemp(join(tmpdir(), "suture-unit-"));
  try {
    const text = await readFile(join(import.meta.dirname, "suture.service"), "utf8");
    const unit = join(folder, "suture.service");
    // It looks for the program too
    await writeFile(unit, text.replaceAll("/opt/suture/", `${join(import.meta.dirname, "../..")}/`));
    const { stdout, stderr } = await run(systemdAnalyze, ["verify", "--recursive-errors=no", unit]);
    expect(stdout + stderr).toBe("");
    await writeFile(unit, text.replace("Restart=on-failure", "Restart=on-a-whim"));
    const { stderr: complaint } = await run(systemdAnalyze, ["verify", "--recursive-errors=no", unit]).catch(
      (error: { stderr: string }) => error,
    );
    expect(complaint).toContain("on-a-whim");
  } finally {
    await rm(folder, { recursive: true });
  }
});
