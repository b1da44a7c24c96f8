import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { keepLooks, look, within } from "./looks.ts";

const folder = mkdtempSync(join(tmpdir(), "suture-looks-"));
const sleeper = spawn("sleep", ["600"], { uid: 65_534, gid: 65_534 });
const pid = sleeper.pid ?? 0;
afterAll(() => {
  sleeper.kill();
  rmSync(folder, { recursive: true });
});

/** An agent that looks at a process and never sees the end of it: the open of a pipe stands for whatever else can wait in the kernel. */
function stuckAgent() {
  execFileSync("rm", ["-f", join(folder, "pipe")]);
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const script = `
    import { openSync } from "node:fs";
    import { look, keepLooks } from "${fileURLToPath(new URL("looks.ts", import.meta.url))}";
    process.on("SIGTERM", () => console.log("handled"));
    keepLooks("${folder}", Date.now());
    look(${pid}, () => console.log("seen"));
    console.log("looking");
    look(${pid}, () => openSync("${folder}/pipe", "r"));`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

function caughtSignals(agent: number | undefined): bigint {
  const [, mask] = /^SigCgt:\t(\S+)$/m.exec(readFileSync(`/proc/${agent}/status`, "latin1")) ?? [];
  return BigInt(`0x${mask}`);
}

it.skipIf(process.getuid?.() !== 0)(
  "a look that does not come to an end is ended by SIGTERM, and after two of them the owner's processes are passed over",
  async () => {
    for (const times of [1, 2]) {
      const agent = stuckAgent();
      for (let told = ""; !told.includes("looking"); ) told += String((await once(agent.stdout, "data"))[0]);
      // signal 15 is caught by Node, but not while it looks
      await expect.poll(() => caughtSignals(agent.pid) & 0x4000n, { timeout: 30_000, interval: 5 }).toBe(0n);
      agent.kill("SIGTERM");
      expect(await once(agent, "exit")).toEqual([null, "SIGTERM"]);
      expect(readFileSync(join(folder, "looks.mark"), "latin1").trim()).toBe("uid 65534");
      keepLooks(folder, Date.now());
      if (times === 1) expect(look(pid, () => "seen")).toBe("seen");
    }
    for (const way of [look, within])
      expect(() => way(pid, () => "seen")).toThrow(
        /\(uid 65534\) is passed over until .*Z: looks at it did not come to an end/,
      );
    expect(look(process.pid, () => "seen")).toBe("seen");
    // A day later
    writeFileSync(
      join(folder, "looks.json"),
      JSON.stringify({ "uid 65534": { times: 2, last: Date.now() - 86_400_001 } }),
    );
    keepLooks(folder, Date.now());
    expect(look(pid, () => "seen")).toBe("seen");
  },
);
