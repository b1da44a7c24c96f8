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
    keepLooks("${folder}", Date.now(), { look: 1, change: 1 });
    look(${pid}, () => console.log("seen"));
    console.log("looking");
    look(${pid}, () => openSync("${folder}/pipe", "r"));`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

it.skipIf(process.getuid?.() !== 0)(
  "a look that does not come to an end ends the agent, a stop meanwhile or not, and after two of them the owner's processes are passed over",
  async () => {
    for (const times of [1, 2]) {
      const agent = stuckAgent();
      for (let told = ""; !told.includes("looking"); ) told += String((await once(agent.stdout, "data"))[0]);
      agent.kill("SIGTERM");
      expect(await once(agent, "exit")).toEqual([null, "SIGALRM"]);
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

it("a stop amid a look that ends by itself ends the agent in order, and counts as nobody's fault", async () => {
  const script = `
    import { look, keepLooks } from "${fileURLToPath(new URL("looks.ts", import.meta.url))}";
    process.on("SIGTERM", () => { console.log("handled"); process.exit(0); });
    keepLooks("${folder}", Date.now());
    console.log("looking");
    look(${pid}, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000));
    setTimeout(() => {}, 60_000);`;
  const agent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  agent.stdout.on("data", (chunk) => {
    told += String(chunk);
  });
  await expect.poll(() => told, { timeout: 30_000, interval: 5 }).toContain("looking");
  agent.kill("SIGTERM");
  expect(await once(agent, "exit")).toEqual([0, null]);
  expect(told).toContain("handled");
  expect(readFileSync(join(folder, "looks.mark"), "latin1").trim()).toBe("");
});
