import { readFileSync } from "node:fs";
import type { Kernel, KmodError, KmodResult } from "../../../agent/engines/klp/kernel.ts";
import type { Clock } from "../../../agent/system/clock.ts";
import { readKernelModule } from "../../../protocol/kernel-module.ts";

/** How a module behaves once it is loaded. */
export type Behaviour = {
  objects?: readonly string[];
  replace?: boolean;
  /** taint bits that it sets; by default those of an unsigned livepatch */
  taint?: number;
  /** what the kernel logs as it goes in */
  log?: string;
  /** what insmod comes to */
  refused?: KmodError;
};

type Live = { enabled: boolean; target: 0 | 1 | null; objects: readonly string[]; replace: boolean };

const transitionMillis = 40;
const noticeMillis = 1000;
const [ok, words]: [KmodResult, Partial<Record<KmodError, string>>] = [
  { error: null, message: "" },
  {
    ENOEXEC: "Invalid module format",
    EEXIST: "File exists",
    EBUSY: "Device or resource busy",
    EKEYREJECTED: "Key was rejected by service",
  },
];

const compare = (one: string, other: string) => one.localeCompare(other);

/** A clock that a sleep moves on at once. */
export function fakeClock(): Clock {
  let now = 1_800_000_000_000;
  return {
    now: () => now,
    async sleep(millis) {
      now += Math.max(1, millis);
    },
  };
}

/**
 * A kernel in memory with the semantics that were measured on Linux 6.1 (docs/kernel.md): what is in sysfs when, what insmod
 * answers, what stalls, what a cumulative patch leaves behind.
 */
export function fakeKernel(clock: Clock, behaviours: Readonly<Record<string, Behaviour>> = {}) {
  const modules = new Set<string>();
  const pinned = new Set<string>();
  const live = new Map<string, Live>();
  const busy = new Map<number, string>();
  const log: { sequence: number; text: string }[] = [];
  const settings = new Map([
    ["/sys/module/module/parameters/sig_enforce", "N"],
    ["/sys/kernel/security/lockdown", "[none] integrity confidentiality"],
    ["/proc/sys/kernel/modules_disabled", "0"],
  ]);
  let taint = 0;
  let readyAt = 0;

  const moving = () => [...live].find(([, { target }]) => target !== null);
  const begin = (module: string, patch: Live, target: 0 | 1) => {
    live.set(module, { ...patch, enabled: target === 1, target });
    readyAt = clock.now() + transitionMillis;
  };
  const end = (module: string, patch: Live) => {
    if (patch.target === 0) live.delete(module);
    else {
      live.set(module, { ...patch, target: null });
      if (patch.replace) for (const other of live.keys()) if (other !== module) live.delete(other);
    }
  };
  /** Reversed or forced, every task is where it has to be already. */
  let moved = false;
  const settle = () => {
    const [module, patch] = moving() ?? [];
    if (module === undefined || patch === undefined || clock.now() < readyAt) return;
    if (busy.size > 0 && !moved) return;
    moved = false;
    end(module, patch);
  };
  const fail = (code: string): never => {
    throw Object.assign(new Error(`${code}: a fake kernel's write`), { code });
  };
  const refuse = (error: KmodError): KmodResult => ({
    error,
    message: `insmod: ERROR: could not insert module: ${words[error]}`,
  });

  const kernel: Kernel = {
    release: "6.1.0-test-amd64",
    mayLoadModules: true,
    read(path) {
      settle();
      if (path === "/proc/modules") return [...modules].map((name) => `${name} 16384 0 - Live 0x0`).join("\n");
      if (path === "/proc/sys/kernel/tainted") return String(taint);
      if (path === "/proc/uptime") return "100.00 90.00";
      const [, pid, member] = /^\/proc\/(\d+)\/task\/\d+\/(\w+)$/.exec(path) ?? [];
      if (pid !== undefined && busy.has(Number(pid))) {
        const stuck = moving()?.[1].target === 1 ? "0" : "1";
        const members = {
          comm: busy.get(Number(pid)),
          patch_state: stuck,
          stack: "[<0>] target_wait+0x1c/0x30 [suture_target]",
        };
        const stat = `${pid} (${busy.get(Number(pid))}) S ${Array(18).fill("0").join(" ")} 4000`;
        return { ...members, stat }[member ?? ""];
      }
      const [, module = "", object, leaf] = /^\/sys\/kernel\/livepatch\/([^/]+)\/(?:(.+)\/)?(\w+)$/.exec(path) ?? [];
      const patch = live.get(module);
      if (patch === undefined) return settings.get(path);
      if (object !== undefined) return object === "vmlinux" || modules.has(object) ? "1" : "0";
      return { enabled: patch.enabled ? "1" : "0", transition: patch.target === null ? "0" : "1" }[leaf ?? ""];
    },
    list(path) {
      settle();
      if (path === "/sys/kernel") return ["livepatch"];
      if (path === "/sys/kernel/livepatch") return [...live.keys()];
      if (path === "/proc") return [...busy.keys()].map(String);
      const [, pid] = /^\/proc\/(\d+)\/task$/.exec(path) ?? [];
      if (pid !== undefined) return [pid];
      const patch = live.get(path.slice("/sys/kernel/livepatch/".length));
      return patch === undefined ? [] : ["enabled", "transition", "force", ...patch.objects];
    },
    write(path, value) {
      settle();
      const [, module = "", file] = /^\/sys\/kernel\/livepatch\/([^/]+)\/(\w+)$/.exec(path) ?? [];
      const patch = live.get(module) ?? fail("ENOENT");
      if (file === "force") {
        if (patch.target === null) fail("EINVAL");
        for (const each of live.keys()) pinned.add(each);
        moved = true;
        readyAt = clock.now() + noticeMillis;
        return;
      }
      if (patch.enabled === (value === "1")) fail("EINVAL");
      const other = moving();
      if (other !== undefined && other[0] !== module) fail("EBUSY");
      if (other === undefined && value === "1") fail("EINVAL");
      moved = other !== undefined;
      begin(module, patch, value === "1" ? 1 : 0);
    },
    async insmod(file) {
      settle();
      const parsed = readKernelModule(readFileSync(`/proc/self/fd/${file}`));
      if (parsed?.name == null) return refuse("ENOEXEC");
      const behaviour = behaviours[parsed.name] ?? {};
      if (behaviour.refused !== undefined) return refuse(behaviour.refused);
      if (settings.get("/sys/module/module/parameters/sig_enforce") === "Y" && parsed.signature === null)
        return refuse("EKEYREJECTED");
      if (modules.has(parsed.name)) return refuse("EEXIST");
      if (moving() !== undefined) return refuse("EBUSY");
      modules.add(parsed.name);
      taint |= behaviour.taint ?? 45_056;
      if (behaviour.log !== undefined) log.push({ sequence: log.length, text: behaviour.log });
      const { objects = ["vmlinux"], replace = false } = behaviour;
      begin(parsed.name, { enabled: true, target: 1, objects, replace }, 1);
      return ok;
    },
    async rmmod(module) {
      settle();
      if (live.has(module) || pinned.has(module))
        return { error: "EBUSY", message: `rmmod: ERROR: Module ${module} is in use` };
      return modules.delete(module) ? ok : { error: "ENOENT", message: `Module ${module} is not currently loaded` };
    },
    log: (after) => log.filter(({ sequence }) => sequence > after),
  };
  return {
    kernel,
    settings,
    /** puts a task into the code to be replaced, or to be put back */
    occupy(pid: number, task: string) {
      busy.set(pid, task);
      return () => busy.delete(pid);
    },
    /** somebody else's doing */
    load: (module: string) => modules.add(module),
    loadLivepatch(module: string) {
      modules.add(module);
      live.set(module, { enabled: true, target: null, objects: ["vmlinux"], replace: false });
    },
    beginTransition(module: string) {
      modules.add(module);
      begin(module, { enabled: true, target: 1, objects: ["vmlinux"], replace: false }, 1);
    },
    warn(text: string, bits: number) {
      log.push({ sequence: log.length, text });
      taint |= bits;
    },
    isPatchedBy(module: string) {
      settle();
      const patch = live.get(module);
      return patch?.enabled === true && patch.target === null;
    },
    fingerprint() {
      settle();
      return Buffer.from(
        JSON.stringify([[...modules].toSorted(compare), [...live].toSorted(([one], [other]) => compare(one, other))]),
      );
    },
  };
}
