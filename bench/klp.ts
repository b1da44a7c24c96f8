import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Guest } from "../test/kernel/guest.ts";
import { type Lab, missing, openLab, state } from "../test/kernel/lab.ts";
import { type Figure, median } from "./figure.ts";

const rounds = 5;
const busyProcesses = 64;
const module = "suture_value2";

/**
 * The kernel engine in a real kernel under QEMU without KVM: every time is that of an emulated processor, some ten times slower than
 * a real one, so compare them with each other. Throws where no guest can be booted.
 */
export async function klpFigures(): Promise<Figure[]> {
  if (missing !== "") throw new Error(missing);
  const lab = await openLab("bench");
  try {
    const guest = await lab.boot();
    await guest.must(`insmod /share/${lab.kernel}/suture_target.ko`);
    const idle = await changeTimes(lab, guest, rounds);
    const latency = await callLatency(lab, guest);
    const busy = await changeTimes(lab, guest, 1, amongBusy);
    await guest.stop();
    return [
      ...timesOf("idle", idle, "insmod to done 30-50 ms, disable to gone 40-160 ms by hand, in the same emulation"),
      ...timesOf(`busy${busyProcesses}`, busy, "insmod 13-22 s by hand with as many on one processor"),
      latency,
      ...(await bootFigures(lab)),
    ];
  } finally {
    await lab.stop();
  }
}

type Times = { apply: number; undo: number; rssKiB: number };

/** Runs a command that is loaded and waits for a file, among processes that do nothing but run. */
function amongBusy(command: string): string {
  return [
    `WAIT_FOR=/tmp/go ${command} >/tmp/out 2>&1 &`,
    "sleep 4; busy=''",
    `for n in $(seq ${busyProcesses}); do (while :; do :; done) & busy="$busy $!"; done`,
    "touch /tmp/go; while ! grep -q millis /tmp/out; do sleep 1; done",
    "kill -9 $busy; rm /tmp/go; cat /tmp/out",
  ].join("\n");
}

async function changeTimes(
  lab: Lab,
  guest: Guest,
  times: number,
  around: (command: string) => string = (command) => command,
): Promise<Times> {
  const results: Times[] = [];
  for (let round = 0; round < times; round++) {
    const applied = await step(lab, guest, "apply", around);
    const { insmodMs, transitionMs } = applied.outcome.evidence;
    const undone = await step(lab, guest, "undo", around);
    results.push({ apply: insmodMs + transitionMs, undo: undone.millis, rssKiB: applied.rssKiB });
  }
  const middle = (of: (each: Times) => number) => median(results.map(of));
  return {
    apply: middle(({ apply }) => apply),
    undo: middle(({ undo }) => undo),
    rssKiB: middle(({ rssKiB }) => rssKiB),
  };
}

type Stepped = {
  outcome: { code: string; evidence: { insmodMs: number; transitionMs: number } };
  millis: number;
  rssKiB: number;
};

async function step(
  lab: Lab,
  guest: Guest,
  name: "apply" | "undo",
  around = (command: string) => command,
): Promise<Stepped> {
  const variant = { match: { kernel: lab.kernel, arch: "x86_64" }, module, replace: false, objects: ["suture_target"] };
  const file = `/share/${lab.kernel}/${module}.ko`;
  return JSON.parse(
    await guest.must(around(`/share/node /share/engine.cjs ${name} ${file} '${JSON.stringify(variant)}'`)),
  );
}

function timesOf(name: string, { apply, undo, rssKiB }: Times, anchor: string): Figure[] {
  const figure = (metric: string, value: number, unit: string): Figure => ({
    name: `klp.${metric}.${name}`,
    value,
    unit,
    versus: "",
    ratio: null,
    anchor,
  });
  return [
    figure("apply.ms", apply, "ms"),
    figure("undo.ms", undo, "ms"),
    figure("engine.rss", Math.round(rssKiB / 1024), "MiB"),
  ];
}

/** Patched over unpatched, interleaved. */
async function callLatency(lab: Lab, guest: Guest): Promise<Figure> {
  const program = join(lab.packages.cache, "share/latency");
  execFileSync("cc", ["-O2", "-static", "-o", program, join(import.meta.dirname, "../test/kernel/modules/latency.c")]);
  const measure = async () => Number(await guest.must("/share/latency 20000"));
  await measure();
  const [without, within]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    without.push(await measure());
    await step(lab, guest, "apply");
    within.push(await measure());
    await step(lab, guest, "undo");
  }
  const ratio = Math.round((median(within) / median(without)) * 1000) / 1000;
  const versus = `${median(without)} ns unpatched`;
  return { name: "klp.syscall.ns.patched", value: median(within), unit: "ns", versus, ratio, anchor: "goal: near 1" };
}

/** From the kernel's first moment to the patch in, and what the agent holds then. */
async function bootFigures(lab: Lab): Promise<Figure[]> {
  const first = await lab.boot();
  await lab.enrol(first);
  await lab.service.publish({ modules: lab.modules, module: "suture_fix1", patch: "show-fix" });
  await first.agent(`once --check-in ${state}`);
  await first.stop();
  const script = [
    "cat /proc/uptime >/state/before",
    `/share/node /share/agent.cjs boot ${state}`,
    "cat /proc/uptime >/state/after",
  ];
  writeFileSync(join(lab.packages.cache, "state/bench/boot.sh"), `${script.join("\n")}\n`);
  const second = await lab.boot({ keepState: true });
  if ((await second.must("cat /proc/cmdline")) !== "fixed 1") throw new Error("the patch did not come back at boot");
  const [before = 0, after = 0] = (await second.must("cat /state/before /state/after"))
    .split("\n")
    .map((line) => Number(line.split(" ")[0]));
  await second.must(`/share/node /share/agent.cjs run ${state} >/tmp/run.log 2>&1 & echo $! >/tmp/agent; sleep 15`);
  const rss = Number(await second.must("awk '/VmRSS/ {print $2}' /proc/$(cat /tmp/agent)/status"));
  return [
    {
      name: "klp.boot.ms.toPatched",
      value: Math.round(after * 1000),
      unit: "ms",
      versus: `${Math.round(before * 1000)} ms to the first program`,
      ratio: Math.round((after / before) * 100) / 100,
      anchor: "kernel's start to patched, no network",
    },
    {
      name: "klp.agent.rss.run",
      value: Math.round(rss / 1024),
      unit: "MiB",
      versus: "",
      ratio: null,
      anchor: "goal: <= 48 MiB resident",
    },
  ];
}
