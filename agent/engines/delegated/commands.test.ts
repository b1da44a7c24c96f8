import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installStandIn } from "../../../test/support/clients/executable.ts";
import { orderFor } from "../../../test/support/clients/orders.ts";
import { systemClock } from "../../system/clock.ts";
import { canonicalClient } from "../canonical/client.ts";
import { hotpatchClient } from "../hotpatch/client.ts";
import { kspliceClient } from "../ksplice/client.ts";
import { type Commands, hostCommands } from "./commands.ts";
import { createDelegatedEngine } from "./engine.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "suture-tools-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const limits = { ask: 60_000, order: 60_000 };
const commands = (): Commands => hostCommands(folder, [folder], limits);

function tool(name: string, script: string, mode = 0o755): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), mode);
}

const cases = {
  ksplice: () => {
    const host = { arch: "x86_64", kernel: "5.15.0-206.153.7.el9uek.x86_64" };
    const patch = orderFor("ksplice", { level: "5.15.0-208.159.3.el9uek" });
    const client = kspliceClient(commands());
    return {
      patch,
      engine: createDelegatedEngine({ client, host, clock: systemClock, directory: folder }),
      end: "undone",
    };
  },
  canonical: () => {
    const host = { arch: "x86_64", kernel: "5.15.0-100-generic" };
    const patch = orderFor("canonical", { level: "104.1" });
    const client = canonicalClient(commands());
    return {
      patch,
      engine: createDelegatedEngine({ client, host, clock: systemClock, directory: folder }),
      end: "undo-pending",
    };
  },
  hotpatch: () => {
    const host = { arch: "x86_64", kernel: "10.0.26100" };
    const patch = orderFor("hotpatch", { level: "26100.3981", article: "KB5058497" });
    const client = hotpatchClient(commands());
    return {
      patch,
      engine: createDelegatedEngine({ client, host, clock: systemClock, directory: folder }),
      end: "undo-pending",
    };
  },
} as const;

test.each(["ksplice", "canonical", "hotpatch"] as const)(
  "%s is driven as programs: there, in, and out again",
  async (name) => {
    const setTrouble = installStandIn(name, folder);
    const { patch, engine, end } = cases[name]();
    expect(await engine.detect()).toMatchObject({ supported: true, facts: { clients: [{ engine: name }] } });
    expect(await engine.apply(patch)).toMatchObject({ code: "applied", evidence: { level: patch.variant.level } });
    expect(await engine.verify(patch)).toMatchObject({ code: "applied" });
    expect(await engine.undo(patch.id)).toMatchObject({ code: end });
    setTrouble("garbage");
    expect(await cases[name]().engine.check(patch)).toMatchObject({ code: "unsupported" });
  },
);

test("what a real program prints and exits with is what the order comes to", async () => {
  const setTrouble = installStandIn("ksplice", folder);
  const outcomes: [string, string, string][] = [
    ["offline", "failed", "the Ksplice server cannot be reached"],
    ["expired", "unsupported", "the subscription has expired"],
    ["busy", "blocked", "programs are in the code to be replaced"],
    ["locked", "blocked", "the client is at work"],
  ];
  for (const [trouble, code, detail] of outcomes) {
    setTrouble(trouble);
    const { engine, patch } = cases.ksplice();
    expect(await engine.apply(patch), trouble).toMatchObject({ code, detail });
  }
});

test("a tool that hangs, and whatever it started, is ended; the client counts as one that cannot be driven", async () => {
  const pid = join(folder, "pid");
  tool("canonical-livepatch", `sleep 600 & echo $! >${pid}; wait`);
  const client = canonicalClient(hostCommands(folder, [folder], { ...limits, ask: 1_000 }));
  expect(await client.read()).toMatchObject({ unusable: "canonical-livepatch does not answer in time", level: null });
  const child = Number(readFileSync(pid, "utf8"));
  await expect.poll(() => isRunning(child), { timeout: 30_000 }).toBe(false);
});

test("a tool that prints without an end is ended, and nothing of it is believed", async () => {
  tool("canonical-livepatch", "yes applied");
  const client = canonicalClient(commands());
  expect(await client.read()).toMatchObject({ unusable: "canonical-livepatch prints without an end", level: null });
});

test("an order that takes too long is left alone, since it may be in the midst of it, and ends by itself", async () => {
  const done = join(folder, "done");
  tool("uptrack-upgrade", `sleep 3; echo installed; echo $$ >${done}`);
  tool("uptrack-show", "exit 1");
  const client = kspliceClient(hostCommands(folder, [folder], { ...limits, order: 500 }));
  expect(await client.bring(orderFor("ksplice", { level: "5.15.0-208.159.3.el9uek" }).variant)).toMatchObject({
    code: "stalled",
    detail: "uptrack-upgrade is still at work",
  });
  await expect.poll(() => readable(done), { timeout: 60_000 }).toBe(true);
});

test("an order that is still at work is not given again nor taken for undone, by the next agent either, and counts once it is in", async () => {
  installStandIn("ksplice", folder);
  const [go, runs] = [join(folder, "go"), join(folder, "runs")];
  const upgrade = readFileSync(join(folder, "uptrack-upgrade"), "utf8").replace("#!/bin/sh", "");
  tool("uptrack-upgrade", `echo >>${runs}; until [ -e ${go} ]; do sleep 0.1; done${upgrade}`);
  let millis = Date.now();
  const clock = {
    now: () => millis,
    async sleep() {
      millis += 180_000;
    },
  };
  const host = { arch: "x86_64", kernel: "5.15.0-206.153.7.el9uek.x86_64" };
  const patch = orderFor("ksplice", { level: "5.15.0-208.159.3.el9uek" });
  const agent = () => {
    const directory = join(folder, "agent");
    const client = kspliceClient(hostCommands(directory, [folder], { ...limits, order: 500 }));
    return createDelegatedEngine({ client, host, clock, directory });
  };
  expect(await agent().apply(patch)).toMatchObject({ code: "stalled" });
  const next = agent();
  expect(await next.recover()).toMatchObject([{ code: "undo-pending", detail: "what it was told is still at work" }]);
  expect(await next.apply(patch)).toMatchObject({ code: "blocked" });
  expect(await next.undo(patch.id)).toMatchObject({ code: "undo-pending" });
  writeFileSync(go, "");
  await expect.poll(async () => (await agent().apply(patch)).code, { timeout: 60_000 }).toBe("already-applied");
  expect(readFileSync(runs, "utf8")).toBe("\n");
  expect(await agent().list()).toMatchObject([{ id: patch.id }]);
  expect(await agent().undo(patch.id)).toMatchObject({ code: "undone" });
  expect(await agent().verify(patch)).toMatchObject({ code: "failed" });
});

test("a tool that others may write to is not run", async () => {
  tool("canonical-livepatch", `touch ${join(folder, "ran")}`, 0o777);
  await expect(canonicalClient(commands()).read()).rejects.toThrow(/is not run: others than its owner/);
  expect(readable(join(folder, "ran"))).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

function readable(path: string): boolean {
  try {
    return readFileSync(path).length >= 0;
  } catch {
    return false;
  }
}
