import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";

const main = join(import.meta.dirname, "main.ts");

it("ends after its work although something keeps a connection open, with the exit code of the work", async () => {
  const held = "data:text/javascript,import net from 'node:net'; net.createServer(() => {}).listen(0, '127.0.0.1')";
  const args = ["--disable-warning=ExperimentalWarning", "--import", held, "--import", "tsx", main];
  const run = spawn(process.execPath, [...args, "config", "check", "--state", "/nonexistent"], { stdio: "ignore" });
  const [code, signal] = await once(run, "exit");
  expect({ code, signal }).toEqual({ code: 0, signal: null });
});
