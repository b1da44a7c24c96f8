import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { threadStatus } from "./proc.ts";
import { detach, interrupt, seize } from "./ptrace.ts";

test("a child of this process whose stop Node took for its end is let go all the same", async () => {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  const { pid } = child;
  if (pid === undefined) throw new Error("no cat");
  const taken = once(child, "exit");
  expect(seize(pid, 0)).toBe("seized");
  interrupt(pid);
  detach(pid, { kind: "running" });
  await taken;
  const status = () => threadStatus(pid, pid);
  expect(status().get("State")).toMatch(/^t/);
  await expect.poll(() => status().get("TracerPid"), { timeout: 30_000 }).toBe("0");
  // Node closed its input, so it comes to its end
  await expect.poll(() => status().get("State") ?? "Z", { timeout: 30_000 }).toMatch(/^Z/);
});
