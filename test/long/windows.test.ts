import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { makeWindowsZip } from "../../infra/package/windows.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";
import { missingWine, startWine, windowsNode } from "../support/wine.ts";

// Each program takes seconds to start under Wine
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const epoch = 1_800_000_000;
/** How far it went, for whoever reads the run. */
const went: string[] = [];
let folder: string;
let wine: ReturnType<typeof startWine>;
let agent: (...args: string[]) => Promise<{ code: number | null; out: string }>;
let installed: string;
let service: WholeService;

beforeAll(async () => {
  if (missingWine !== "") return;
  folder = mkdtempSync(join(tmpdir(), "suture-windows-"));
  wine = startWine(folder);
  const zip = join(folder, await makeWindowsZip(folder, { version: "9.8.7", epoch }));
  execFileSync("python3", ["-m", "zipfile", "-e", zip, folder]);
  installed = join(folder, "Suture");
  agent = (...args) => wine.run(windowsNode(), wine.windowsPath(join(installed, "agent.cjs")), ...args);
  await wine.prepare();
  service = await startWholeService();
});
afterAll(async () => {
  if (missingWine !== "") return;
  await wine.stop();
  await service.stop();
  rmSync(folder, { recursive: true });
  console.log(`\nHow far the Windows agent went under Wine:\n${went.map((each) => `  ${each}`).join("\n")}\n`);
});
beforeEach(({ task }) => {
  const system = "the Windows agent under Wine; its PowerShell is a stub";
  task.meta.engine = { engine: "hotpatch", system, shown: "emulated" };
});

test("the zip is the same when made again, and its agent runs as a Windows program with its places under ProgramData", async (context) => {
  if (missingWine !== "") return context.skip(missingWine);
  const again = join(folder, "again");
  execFileSync("mkdir", [again]);
  const name = await makeWindowsZip(again, { version: "9.8.7", epoch });
  expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name)))).toBe(true);
  expect(await agent("--version")).toEqual({ code: 0, out: "9.8.7\n" });
  const { out } = await agent("config", "show");
  expect(out).toContain("C:\\ProgramData\\Suture\\state");
  went.push("zip: reproducible; the agent in it runs on Node 22 for Windows");
  const own = await wine.run(join(installed, "node.exe"), "--version");
  const says =
    own.out.split("\n").find((line) => /^v\d|Fatal|Error/.test(line.replace(/^# /, ""))) ?? `exit ${own.code}`;
  went.push(`its own Node 24, --version: ${says.replace(/^# /, "")}`);
  const runs = await wine.run(join(installed, "node.exe"), "-e", "console.log('it runs')");
  went.push(
    `its own Node 24, a program: ${runs.code === 0 ? "runs" : `does not, exit ${runs.code}: Wine lacks what V8 wants`}`,
  );
});

test("what Wine's stub of PowerShell says is not taken for a state, and nothing is driven through it", async (context) => {
  if (missingWine !== "") return context.skip(missingWine);
  const { code, out } = await agent("preflight", "--server", service.stack.url, "--json");
  expect(code).toBe(4);
  const { checks } = JSON.parse(out);
  expect(checks).toContainEqual(expect.objectContaining({ name: "engine hotpatch", ok: false }));
  expect(checks).toContainEqual(expect.objectContaining({ name: "server", ok: true }));
  went.push(
    `preflight: the server is reached; hotpatch engine: ${checks.find((each: { name: string }) => each.name === "engine hotpatch").detail}`,
  );
});

test("it enrols over the network and checks in, and the service knows a Windows machine", async (context) => {
  if (missingWine !== "") return context.skip(missingWine);
  const { token } = await service.suture(["token", "create", "--customer", "globex"]);
  writeFileSync(join(folder, "token"), token);
  const file = wine.windowsPath(join(folder, "token"));
  const enrolled = await agent("enroll", "--server", service.stack.url, "--token-file", file, "--json");
  expect(enrolled, enrolled.out).toMatchObject({ code: 0 });
  const once = await agent("once", "--check-in", "--json");
  expect(once, once.out).toMatchObject({ code: 0 });
  const status = JSON.parse((await agent("status", "--json")).out);
  expect(status).toMatchObject({ customer: "globex", lastPlan: { seq: expect.any(Number) } });
  const machine = await service.stack.stores.machines.get(status.machine);
  expect(machine?.facts).toMatchObject({ os: "win32", engines: [{ name: "hotpatch", supported: false }] });
  went.push("enrolled, checked in, verified a plan; the service shows win32");
});

test("it runs as a Windows service, polls, and stops when the service manager says so", async (context) => {
  if (missingWine !== "") return context.skip(missingWine);
  const node = wine.windowsPath(windowsNode());
  const program = wine.windowsPath(join(installed, "agent.cjs"));
  const end = wine.keepAlive(windowsNode());
  try {
    // As install.cmd does; without them Wine's services have another ProgramData
    const command = `${node} ${program} service --config C:\\ProgramData\\Suture --state C:\\ProgramData\\Suture\\state`;
    await wine.run("sc", "create", "SutureAgent", "binPath=", command, "start=", "demand");
    await wine.run("sc", "start", "SutureAgent");
    const log = join(folder, "prefix/drive_c/ProgramData/Suture/state/service.log");
    await expect.poll(() => readIfThere(log), { timeout: 120_000 }).toContain('"event":"started"');
    expect((await wine.run("sc", "query", "SutureAgent")).out).toContain("RUNNING");
    await wine.run("sc", "stop", "SutureAgent");
    const query = async () => (await wine.run("sc", "query", "SutureAgent")).out;
    await expect.poll(query, { timeout: 120_000 }).toContain("STOPPED");
    expect(readIfThere(log)).toContain('"event":"stopped"');
    expect(await query()).toMatch(/WIN32_EXIT_CODE\s*: 0 /);
    went.push("service: created, running, stopped with exit code 0 by the service manager");
  } finally {
    end();
  }
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
