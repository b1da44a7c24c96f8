import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { gatherCast } from "../../infra/local/demo/cast.ts";
import { runAgent } from "../../infra/local/demo/programs.ts";
import { buildSample, takeNextVersion } from "../../infra/local/demo/sample-patch.ts";
import { startEchod } from "../../infra/local/echod.ts";
import { startStack } from "../../infra/local/stack.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";

const root = join(import.meta.dirname, "../..");
/** What was started, the newest last. */
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
});

test("a host is enrolled with the command that the portal made for it, and its server is seen to be patched while it runs", {
  timeout: 180_000,
}, async ({ skip }) => {
  if (noBrowser !== undefined) return skip(noBrowser);
  const dataDir = await mkdtemp(join(tmpdir(), "suture-browser-"));
  running.push({ stop: () => rm(dataDir, { recursive: true, force: true }) });
  const stack = started(await startStack({ dataDir, port: 0, pollSeconds: 1, log: () => undefined }));
  const cast = await gatherCast(stack, dataDir);
  const sample = await buildSample(join(dataDir, "sample"));
  const echod = started(await startEchod(sample.binary));
  const browser = started(await startBrowser(stack));

  const { page, complaints, context } = await browser.visit("ann@globex.test");
  await page.getByRole("link", { name: "Tokens", exact: true }).click();
  await page.getByRole("link", { name: "Install on a machine" }).click();
  await page.getByLabel("Group", { exact: true }).fill("canary");
  await page.getByRole("button", { name: "Make the command" }).click();
  const command = await page.locator(".copy code").first().textContent();
  await page.goto(`${stack.url}/machines`);
  await page.getByRole("heading", { name: "Enrol your first machine" }).waitFor();

  // The command's agent would run on from here; this one polls each second
  const [enrol = ""] = (command ?? "").split(" && ");
  const state = join(dataDir, "agent");
  const path = [await programs(dataDir), process.env.PATH].join(delimiter);
  await promisify(execFile)("sh", ["-c", `${enrol} --state '${state}'`], { env: { ...process.env, PATH: path } });
  started(runAgent(state, join(dataDir, "agent.log")));
  // The page that taught the first step becomes the list by itself
  const row = page.getByRole("row", { name: "canary" });
  await row.waitFor();

  await takeNextVersion(sample, stack.stores);
  await cast.publish(sample.folder);
  await row.getByText("Patched").waitFor({ timeout: 90_000 });
  await row.getByRole("link").first().click();
  await page.getByText(`${echod.pid}`).first().waitFor({ state: "attached" });
  await page.getByText(/paused \d+/).waitFor();
  await context.close();
  expect(complaints).toEqual([]);
});

function started<T extends { stop(): Promise<unknown> }>(part: T): T {
  running.push({ stop: async () => void (await part.stop()) });
  return part;
}

/** A folder with the agent under the name that it is installed as. */
async function programs(dataDir: string): Promise<string> {
  const folder = join(dataDir, "bin");
  await mkdir(folder);
  const program = join(folder, "suture-agent");
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(root, "agent/main.ts")}' "$@"\n`);
  await chmod(program, 0o755);
  return folder;
}
