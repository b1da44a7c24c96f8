import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { openMemory, readMappings } from "../../system/proc.ts";
import { writeCode } from "./code-writer.ts";
import { x86_64 } from "./x86-64.ts";

test("code is written through a thread where the kernel refuses it through /proc/PID/mem", async () => {
  const child = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  const pid = Number(String(line));
  // the shell's child is the shell for a moment: its memory goes when it executes sleep
  const codeOfSleep = () =>
    readMappings(pid).find(({ permissions, path }) => permissions === "r-xp" && path.endsWith("/sleep"));
  await expect.poll(codeOfSleep).toBeDefined();
  const memory = openMemory(pid);
  try {
    const code = codeOfSleep();
    const at = (code?.end ?? 0) - 4096 - 3;
    const bytes = Buffer.from(Array.from({ length: 2000 }, (_, index) => index % 251));
    const refuse = () => {
      throw Object.assign(new Error("i/o error"), { code: "EIO" });
    };
    const around = [memory.read(at - 8, 8), memory.read(at + bytes.length, 8)];
    writeCode(pid, x86_64, { read: (from, size) => memory.read(from, size), write: refuse }, at, bytes);
    expect(memory.read(at, bytes.length).equals(bytes)).toBe(true);
    expect([memory.read(at - 8, 8), memory.read(at + bytes.length, 8)]).toEqual(around);
  } finally {
    memory.close();
    process.kill(pid, "SIGKILL");
    child.kill();
  }
});
