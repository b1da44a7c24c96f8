import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { limitPatch, publishLimit, startLimited } from "../support/agent/limited.ts";
import { makeRelease } from "../support/agent/release.ts";
import { mayMount } from "../support/agent/small-disk.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";

const run = promisify(execFile);
/** Twice what it takes; bytes */
const memory = 64 * 1024 * 1024;
const groups = "/sys/fs/cgroup";
/** A control group of this kernel's kind, and the files of its limit and of how often that was met; v1 first. */
const [group, limit, met] = existsSync(join(groups, "memory"))
  ? [join(groups, `memory/suture-test-${process.pid}`), "memory.limit_in_bytes", "memory.failcnt"]
  : [join(groups, `suture-test-${process.pid}`), "memory.max", "memory.events"];

let work: string;
let service: WholeService;
let target: ReturnType<typeof startLimited>;
beforeAll(async () => {
  if (!mayMount) return;
  work = await mkdtemp(join(tmpdir(), "suture-small-"));
  await makeRelease(join(work, "release"), "0.9.0");
  service = await startWholeService();
  await publishLimit(service, work);
  target = startLimited(work);
}, 120_000);
afterAll(async () => {
  await target?.stop();
  await service?.stop();
  if (mayMount) await rm(work, { recursive: true, force: true });
});

it("a host with a root that cannot be written and 64 MiB to spare enrols, patches a process and reports it", async ({
  skip,
}) => {
  if (!mayMount) return skip("only root may mount and limit memory");
  const state = join(work, "state");
  await mkdir(state, { mode: 0o700 });
  const { token } = await service.suture(["token", "create", "--customer", "globex"]);
  await writeFile(join(work, "token"), String(token), { mode: 0o600 });
  mkdirSync(group);
  try {
    if (!existsSync(join(group, limit))) return skip("this system lets nobody limit memory");
    writeFileSync(join(group, limit), String(memory));
    const agent = join(work, "release/bin/suture-agent");
    const script = [
      `echo $$ > ${join(group, "cgroup.procs")}`,
      `mount --bind ${state} ${state}`,
      "mount -o remount,ro,bind /",
      `! touch ${join(work, "release/written")}`,
      `${agent} enroll --server ${service.stack.url} --token-file ${join(work, "token")} --state ${state}`,
      `${agent} once --state ${state}`,
    ].join(" && ");
    await run("unshare", ["--mount", "sh", "-c", script]);
    expect(readFileSync(join(group, met), "utf8")).toMatch(/^0$|oom_kill 0/m);
  } finally {
    rmdirSync(group);
  }
  await expect.poll(target.printed, { timeout: 20_000 }).toBe("3");
  const { machines } = await service.suture(["machines", "--customer", "globex"]);
  expect(machines).toMatchObject([{ patches: [{ patch: limitPatch, state: "applied" }] }]);
}, 60_000);
