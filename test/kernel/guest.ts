import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Image } from "./image.ts";

export type GuestOptions = {
  image: Image;
  /** the folder that it may read, and one that it may write, which lives on when it is gone */
  share: string;
  state: string;
  /** where its console goes */
  console: string;
  append?: string;
  cpus?: number;
  /** of a service on this machine's loopback, which the guest finds on its own */
  port?: number;
  firmware?: { code: string; vars: string };
  /** an image with a whole system, for the kernel parameter `suture_disk` */
  disk?: string;
};

type Answer = { code: number; output: string };

/** A booted kernel that does what it is told over a serial port. */
export type Guest = {
  /** milliseconds from the start of QEMU to the first command */
  bootMillis: number;
  run(command: string): Promise<Answer>;
  /** Runs what must succeed. Throws with its output where it does not. */
  must(command: string): Promise<string>;
  /** Runs the agent with --json and parses what it prints. */
  agent(args: string, before?: string): Promise<{ code: number; json: Record<string, unknown>; output: string }>;
  /** Resolves when the machine is down, whatever the reason. */
  down(): Promise<void>;
  stop(): Promise<void>;
};

/** No command takes this long under emulation, on a busy machine too, unless it hangs; milliseconds. */
const patience = 300_000;

/** Boots a kernel in QEMU, without KVM. */
export async function bootGuest(options: GuestOptions): Promise<Guest> {
  mkdirSync(options.state, { recursive: true });
  rmSync(options.console, { force: true });
  const started = performance.now();
  const qemu = spawn("qemu-system-x86_64", machine(options), { stdio: ["pipe", "pipe", "pipe"] });
  return await connect(qemu, started, options.console);
}

/** QEMU's arguments: no disk, two serial ports (console, commands), two folders, and a network where there is a service. */
function machine({
  image,
  share,
  state,
  console,
  port,
  cpus = 1,
  append = "",
  firmware,
  disk,
}: GuestOptions): string[] {
  const folder = (name: string, path: string, more: string) => [
    "-fsdev",
    `local,id=${name},path=${path},${more}security_model=none`,
    "-device",
    `virtio-9p-pci,fsdev=${name},mount_tag=${name}`,
  ];
  const uefi = (files: { code: string; vars: string }) => [
    "-drive",
    `if=pflash,format=raw,unit=0,readonly=on,file=${files.code}`,
    "-drive",
    `if=pflash,format=raw,unit=1,file=${files.vars}`,
    "-global",
    "driver=cfi.pflash01,property=secure,value=on",
  ];
  const parameters = `console=ttyS0 quiet loglevel=4 panic=-1 ${port === undefined ? "" : `suture_port=${port}`} ${append}`;
  return [
    ["-nodefaults", "-no-user-config", "-nographic", "-no-reboot"],
    ["-machine", firmware === undefined ? "q35" : "q35,smm=on", "-accel", "tcg,thread=multi", "-cpu", "max"],
    ["-smp", String(cpus), "-m", "640"],
    ["-serial", `file:${console}`, "-serial", "stdio"],
    firmware === undefined ? [] : uefi(firmware),
    ["-kernel", image.kernel, "-initrd", image.initramfs, "-append", parameters],
    folder("share", share, "readonly=on,"),
    folder("state", state, ""),
    disk === undefined ? [] : ["-drive", `file=${disk},format=raw,if=virtio`],
    port === undefined ? [] : ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
  ].flat();
}

async function connect(qemu: ChildProcess, started: number, consoleFile: string): Promise<Guest> {
  const { stdin, stdout, stderr } = qemu;
  if (stdin === null || stdout === null || stderr === null) throw new Error("QEMU has no pipes");
  let ended = false;
  const closed = new Promise<void>((resolve) => {
    qemu.once("close", () => {
      ended = true;
      resolve();
    });
  });
  stdin.on("error", () => undefined);
  stderr.on("data", (text: Buffer) => appendFileSync(consoleFile, text));
  const waiting = new Map<string, (answer: Answer) => void>();
  let ready: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  createInterface({ input: stdout }).on("line", (line) => {
    if (line.includes("@@ready")) ready();
    const [, id = "", code, output = ""] = /@@answer (\S+) (\d+) (\S*)/.exec(line) ?? [];
    waiting.get(id)?.({ code: Number(code), output: Buffer.from(output, "base64").toString("utf8") });
    waiting.delete(id);
  });
  const tail = () => readTail(consoleFile);
  const within = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const over = AbortSignal.timeout(patience);
    const late = sleep(patience, undefined, { signal: over, ref: false }).then(
      () => undefined,
      () => undefined,
    );
    const first = await Promise.race([
      work.then((value) => ({ value })),
      closed.then(() => "down" as const),
      late.then(() => "late" as const),
    ]);
    if (typeof first === "object") return first.value;
    throw new Error(`the guest is ${first} at: ${what}\n${tail()}`);
  };
  try {
    await within("boot", isReady);
  } catch (error) {
    qemu.kill("SIGKILL");
    throw error;
  }
  const bootMillis = Math.round(performance.now() - started);
  let next = 0;
  const run = async (command: string) => {
    if (ended) throw new Error(`the guest is down; it was to do: ${command}\n${tail()}`);
    const id = String(++next);
    const answer = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    stdin.write(`${id} ${Buffer.from(command).toString("base64")}\n`);
    return await within(command, answer);
  };
  return {
    bootMillis,
    run,
    async must(command) {
      const { code, output } = await run(command);
      if (code !== 0) throw new Error(`${command} exited with ${code}: ${output}\n${tail()}`);
      return output.trim();
    },
    async agent(args, before = "") {
      const { code, output } = await run(`${before} /share/node /share/agent.cjs ${args} --json`);
      const line =
        output
          .trim()
          .split("\n")
          .findLast((each) => each.startsWith("{")) ?? "{}";
      return { code, json: JSON.parse(line), output };
    },
    down: () => closed,
    async stop() {
      qemu.kill("SIGKILL");
      await closed;
    },
  };
}

function readTail(file: string): string {
  try {
    return readFileSync(file, "latin1").slice(-1500);
  } catch {
    return "";
  }
}
