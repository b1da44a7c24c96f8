import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import { bothFunctions, compilePayload, patchFor } from "./target.ts";

const source = fileURLToPath(new URL(".", import.meta.url));
const nobody = 65_534;

/** What came of attacks: how often the privileged program ended otherwise than by itself, and how often the engine met it. */
export type Attacks = { rounds: number; changed: number; met: number };

/**
 * Has an ordinary user's process execute a setuid program while the engine patches it, again and again, each time at another moment.
 * Needs root, for the setuid program. @see exec-race.c
 */
export async function attackByExec(rounds: number): Promise<Attacks> {
  const directory = mkdtempSync(join(tmpdir(), "suture-exec-"));
  chmodSync(directory, 0o755);
  const [attacker, privileged, payload] = ["exec-race", "privileged", "fix.so"].map((name) => join(directory, name));
  if (!attacker || !privileged || !payload) throw new Error("three names");
  const compile = (from: string, to: string, ...flags: string[]) =>
    execFileSync(process.env.CC ?? "cc", ["-O2", "-g", "-fno-inline", ...flags, "-o", to, join(source, from)]);
  compile("exec-race.c", attacker, "-pthread", "-fno-ipa-cp", `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`);
  compile("privileged.c", privileged);
  chmodSync(privileged, 0o4755);
  compilePayload(join(source, "fix.c"), payload);
  const patch = patchFor(attacker, payload, bothFunctions);
  const engine = createElfEngine({ journalDir: join(directory, "journal") });
  const attacks: Attacks = { rounds, changed: 0, met: 0 };
  for (let round = 0; round < rounds; round++) {
    const args = [attacker, privileged, round % 3 === 2 ? "other" : "first", String(Math.floor(Math.random() * 1500))];
    // as the child of another, and for the way in which it ended
    const child = spawn("/bin/sh", ["-c", '"$@" & wait $!', "sh", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      uid: nobody,
      gid: nobody,
    });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    const outcome = await engine.apply(patch);
    if (/another program|other credentials|the process ended/.test(JSON.stringify(outcome))) attacks.met++;
    const [code] = await ended;
    if (code !== 42) attacks.changed++;
  }
  return attacks;
}
