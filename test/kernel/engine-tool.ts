// Drives the engine alone, in the guest: `engine.cjs STEP FILE.ko VARIANT-JSON [PATCH-ID]`; prints the outcome and its milliseconds.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { KlpPatch } from "../../agent/engines/engine.ts";
import { createKlpEngine } from "../../agent/engines/klp/engine.ts";
import { hostKernel } from "../../agent/engines/klp/kernel.ts";
import { systemClock } from "../../agent/system/clock.ts";
import { KlpVariant } from "../../protocol/wire/patch.ts";

const [step = "", file = "", variantText = "{}", id = "acme/linux/stable/tool@1"] = process.argv.slice(2);
const whole = readFileSync(file);
const payload = process.env.TRUNCATED === "1" ? whole.subarray(0, whole.length / 2) : whole;
const sha256 = createHash("sha256").update(payload).digest("hex");
const bundle = { sha256, size: payload.length, encoding: "zstd", payload: { sha256, size: payload.length } };
const variant = KlpVariant.parse({ engine: "klp", bundle, ...JSON.parse(variantText) });
const patch: KlpPatch = { id, variant, payload };
const dieAt = Number(process.env.DIE_AT ?? 0);
let steps = 0;
const engine = createKlpEngine({
  kernel: hostKernel(),
  clock: systemClock,
  bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
  directory: "/tmp/klp",
  onStep: (name) => {
    if (++steps === dieAt) process.kill(process.pid, "SIGKILL");
    // Somebody else is faster
    if (name === process.env.STRANGER_AT) execFileSync("insmod", [file]);
  },
});

const operations = {
  check: () => engine.check(patch),
  stage: () => engine.stage(patch),
  apply: () => engine.apply(patch),
  verify: () => engine.verify(patch),
  undo: () => engine.undo(id),
  list: () => engine.list(),
  recover: () => engine.recover(),
  detect: () => engine.detect(),
};
const work = operations[step as keyof typeof operations];

async function main(): Promise<void> {
  while (process.env.WAIT_FOR !== undefined && !existsSync(process.env.WAIT_FOR)) await systemClock.sleep(50);
  const started = performance.now();
  const outcome = await work();
  const millis = Math.round((performance.now() - started) * 10) / 10;
  console.log(JSON.stringify({ outcome, millis, rssKiB: Math.round(process.memoryUsage().rss / 1024) }));
}

void main();
