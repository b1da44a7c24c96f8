import { existsSync, readFileSync } from "node:fs";
import { ifReadable } from "../system/proc.ts";
import { runProgram } from "../system/program.ts";

/** What systemd says of a service: its state, how it ended last, and how often systemd restarted it by itself since somebody started it. */
export type UnitState = { active: string; result: string; restarts: number };

/** The services of a host. Where there is no systemd, nothing is known of any. */
export type Units = {
  /** the service that a process belongs to; undefined where it belongs to none of the system's */
  unitOf(pid: number): string | undefined;
  stateOf(unit: string): Promise<UnitState | undefined>;
  /** whether the host is shutting down or rebooting, because somebody asked for that */
  isHostStopping(): Promise<boolean>;
};

/** Nothing is known of any service. */
export const noUnits: Units = {
  unitOf: () => undefined,
  stateOf: async () => undefined,
  isHostStopping: async () => false,
};

const systemctl = "/usr/bin/systemctl";
/** systemd answers at once, or not at all; milliseconds. */
const timeout = 5_000;

/** The services of this host, by its control groups and `systemctl show`. @see systemd.exec(5), org.freedesktop.systemd1(5) */
export function hostUnits(): Units {
  return {
    unitOf: (pid) => unitIn(ifReadable(() => readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? ""),
    async stateOf(unit) {
      const { code, text } = await ask("show", "--property=ActiveState,Result,NRestarts", "--", unit);
      return code === 0 ? stateIn(text) : undefined;
    },
    // It exits with another code for every state but "running"
    isHostStopping: async () => (await ask("is-system-running")).text.trim() === "stopping",
  };
}

/** What systemctl prints, and its exit code; null where there is no systemd, or it does not answer. */
async function ask(...args: string[]): Promise<{ code: number | null; text: string }> {
  let text = "";
  // As sd_booted(3) decides it
  if (!existsSync("/run/systemd/system") || !existsSync(systemctl)) return { code: null, text };
  const { code, late } = await runProgram(systemctl, args, timeout, (stream, bytes) => {
    if (stream === "stdout") text += bytes.toString("utf8");
    return text.length < 4096;
  });
  return { code: late ? null : code, text };
}

/**
 * The service that a process is in, by the text of its /proc/PID/cgroup. One of a user's own service manager is that user's business, and
 * not known to the system's. @see cgroups(7)
 */
export function unitIn(text: string): string | undefined {
  const paths = text.split("\n").flatMap((line) => /^\d+:(?:name=systemd)?:(\/.*)$/.exec(line)?.[1] ?? []);
  return paths
    .filter((path) => !path.includes("/user@"))
    .flatMap((path) => path.split("/").findLast((name) => name.endsWith(".service")) ?? [])[0];
}

/** What `systemctl show` printed; undefined where a property is missing. */
function stateIn(text: string): UnitState | undefined {
  const values = new Map(
    text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const [active, result, restarts] = ["ActiveState", "Result", "NRestarts"].map((name) => values.get(name));
  if (active === undefined || result === undefined) return undefined;
  return { active, result, restarts: Number(restarts ?? 0) };
}
