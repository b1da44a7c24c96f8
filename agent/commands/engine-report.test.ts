import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canonicalStandIn } from "../../test/support/clients/canonical.ts";
import { commandsOf } from "../../test/support/clients/in-process.ts";
import { engineReport } from "./engine-report.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "suture-report-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const commands = () => commandsOf(canonicalStandIn, structuredClone(canonicalStandIn.initial));

test("it says what it would run, and runs nothing of it when asked only that", async () => {
  const told = await engineReport(
    { json: true, dryRun: true },
    { ...commands(), ask: () => Promise.reject(new Error("ran")) },
  );
  expect(told.text).toContain("canonical: canonical-livepatch status --format json");
  expect(told.json).toMatchObject({ runs: [{ engine: "canonical" }, { engine: "canonical" }] });
});

test("it writes what each client printed and what the agent reads of it, without the machine's id, for its owner alone", async () => {
  const output = join(folder, "clients.json");
  await engineReport({ json: true, dryRun: false, output }, commands());
  const text = readFileSync(output, "utf8");
  expect(JSON.parse(text)).toMatchObject({
    report: 1,
    clients: [
      {
        engine: "canonical",
        printed: [{ run: "canonical-livepatch status --format json", code: 0, late: false }, { code: 0 }],
        reading: { state: "not-applicable", version: "10.8.3" },
      },
    ],
  });
  expect(text).not.toContain("0123456789abcdef");
  expect(statSync(output).mode & 0o077).toBe(0);
  await expect(engineReport({ json: true, dryRun: false, output }, commands())).rejects.toMatchObject({
    code: "already-exists",
  });
});

test("a host without another client has nothing to report", async () => {
  const none = { ...commands(), has: () => false };
  expect(await engineReport({ json: true, dryRun: false }, none)).toMatchObject({ json: { runs: [] } });
});
