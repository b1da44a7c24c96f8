import { join } from "node:path";
import { SutureError } from "../protocol/errors.ts";
import type { EngineName } from "../protocol/wire/host.ts";
import type { Agent } from "./agent.ts";
import type { Config } from "./config/config.ts";
import type { Engine } from "./engines/engine.ts";
import type { KlpEngine } from "./engines/klp/engine.ts";
import type { Progress } from "./engines/klp/transition.ts";
import { readHost } from "./facts/host.ts";
import { noProcesses, type Processes } from "./health/ends.ts";
import { type HostChecks, readHostChecks } from "./health/host-checks.ts";
import { hostProbe } from "./health/probe.ts";
import { hostUnits } from "./health/units.ts";
import { hostSigns } from "./incidents/signs.ts";
import { mirroredService } from "./mirror/mirrored-service.ts";
import { openMirror } from "./mirror/source.ts";
import { networkHttp } from "./network/http.ts";
import { httpService } from "./round/service.ts";
import { tellWaiting } from "./round/waiting.ts";
import { machineKeys, readEnrolment } from "./state/identity.ts";
import { journalFile } from "./state/journal.ts";
import { required } from "./state/json-file.ts";
import { keptPlanFile } from "./state/kept-plan.ts";
import { limitsFile, limitsIn } from "./state/limits.ts";
import { lockState } from "./state/lock.ts";
import { openOutbox } from "./state/outbox.ts";
import { patchedBuilds, patchesStore } from "./state/patches.ts";
import { pinsFile } from "./state/pins.ts";
import { refusalsFile } from "./state/refusals.ts";
import { repositoriesStore } from "./state/repositories.ts";
import { roomIn } from "./state/room.ts";
import { agentApiOf, sessionFile } from "./state/session.ts";
import { sightingsFile } from "./state/sightings.ts";
import { waitingFile } from "./state/waiting.ts";
import { systemClock } from "./system/clock.ts";
import type { Http } from "./system/http.ts";
import { isSystemError } from "./system/proc.ts";
import { refusalsIn } from "./trust/refusals.ts";
import type { Updates } from "./update/updates.ts";

/** The engines of this agent; loaded only when something is to be done on the host. */
export async function loadEngines(
  state: string,
  onProgress: (progress: Progress) => void = () => {},
): Promise<ReadonlyMap<EngineName, Engine>> {
  const engines = [...(await openOwnEngines(state, onProgress)), ...(await openForeignClients(state))];
  return new Map(engines.map((engine) => [engine.name, engine]));
}

/** The engines that patch by themselves, which is on Linux. */
async function openOwnEngines(state: string, onProgress: (progress: Progress) => void): Promise<Engine[]> {
  if (process.platform !== "linux") return [];
  const { createElfEngine } = await import("./engines/elf/engine.ts");
  return [createElfEngine({ journalDir: join(state, "elf") }), await openKlpEngine(state, onProgress)];
}

/** The engines of whatever other clients patch this host. */
export async function openForeignClients(state: string): Promise<Engine[]> {
  const { openDelegatedEngines } = await import("./engines/delegated/open.ts");
  return await openDelegatedEngines(state, readHost());
}

/** The engine for this host's kernel. */
export async function openKlpEngine(state: string, onProgress: (progress: Progress) => void): Promise<KlpEngine> {
  const { createKlpEngine } = await import("./engines/klp/engine.ts");
  const { hostKernel } = await import("./engines/klp/kernel.ts");
  return createKlpEngine({
    kernel: hostKernel(),
    clock: systemClock,
    bootId: readHost().bootId,
    directory: join(state, "klp"),
    onProgress,
  });
}

/** Takes a state directory's lock for as long as `work` takes. Throws `busy-agent`, `not-enrolled`. */
export async function withLock<T>(state: string, work: () => Promise<T>): Promise<T> {
  let release: () => void;
  try {
    release = lockState(state);
  } catch (cause) {
    if (isSystemError(cause, "ENOENT")) throw new SutureError("not-enrolled", `${state} does not exist`, { cause });
    throw cause;
  }
  try {
    return await work();
  } finally {
    release();
  }
}

/** The health checks of this host's administrator, beside the configuration. */
export function hostChecks({ folder }: Config): HostChecks {
  return readHostChecks(join(folder, "health.d"));
}

/**
 * Watches the host's processes while `work` goes on, for the patches that a state directory says are in.
 * @param wake called when there is something to do: a process was started that lacks a patch, or a patched one is gone
 */
export async function withHostWatched<T>(
  state: string,
  wake: () => void,
  work: (processes: Processes) => Promise<T>,
): Promise<T> {
  if (process.platform !== "linux") return await work(noProcesses);
  const { createBuildScanner } = await import("./engines/elf/builds.ts");
  const { keepLooks } = await import("./system/looks.ts");
  const { watchProcesses } = await import("./patches/processes.ts");
  keepLooks(state, systemClock.now());
  const scanner = createBuildScanner();
  const patches = patchesStore(state);
  let builds: ReadonlySet<string> = new Set();
  let builtAt = 0;
  const isTarget = (pid: number) => {
    const now = systemClock.now();
    if (Math.abs(now - builtAt) > rememberBuilds) [builds, builtAt] = [patchedBuilds(patches), now];
    return builds.size > 0 && scanner.runsAny(pid, builds);
  };
  const watched = watchProcesses(isTarget, wake, () => systemClock.now());
  try {
    return await work(watched);
  } finally {
    await watched.close();
  }
}

/** A host may start a hundred programs a second, and has its records on a disk; milliseconds. */
const rememberBuilds = 1_000;

/** What an agent needs of the world around it. */
export type Ports = Pick<
  Agent,
  "host" | "engines" | "processes" | "units" | "clock" | "random" | "emit" | "hostChecks" | "signs" | "updates"
> & {
  http: Http;
};

/**
 * The agent of an enrolled host, on its real clock, network and engines. Throws `not-enrolled`, `state-damaged`.
 * @param isOnline whether the service is told of what takes long while it does
 * @param processes who watches the host's processes; by default nobody
 * @param updates where the agent's own releases are; null where it changes to none
 */
export async function openAgent(
  config: Config,
  emit: Agent["emit"],
  {
    isOnline = true,
    processes = noProcesses,
    updates = null,
  }: { isOnline?: boolean; processes?: Processes; updates?: Updates | null } = {},
): Promise<Agent> {
  const { state } = config;
  readEnrolment(state);
  // The engines come first, and tell through the agent that they become part of
  const teller: { tell: (progress: Progress) => void } = { tell: () => {} };
  const engines = await loadEngines(state, (progress) => teller.tell(progress));
  const failedUpdate = updates?.failedUpdate();
  const agent = await agentWith(config, {
    host: { ...readHost(), ...(failedUpdate !== undefined && { failedUpdate }) },
    updates,
    engines,
    processes,
    http: networkHttp(config.network),
    clock: systemClock,
    random: Math.random,
    hostChecks: () => hostChecks(config),
    signs: hostSigns(),
    units: hostUnits(),
    emit,
  });
  teller.tell = tellWaiting(agent, isOnline);
  return agent;
}

/** The agent of an enrolled host, on these ports. Throws `not-enrolled`, `state-damaged`. */
export async function agentWith(
  {
    state,
    mirror,
    vendors,
    policy_undos_a_day: policyUndosADay = 1,
  }: Pick<Config, "state" | "mirror" | "vendors"> & Partial<Pick<Config, "policy_undos_a_day">>,
  { http, ...ports }: Ports,
): Promise<Agent> {
  const enrolment = readEnrolment(state);
  const keys = await machineKeys(state);
  const session = sessionFile(state);
  const patches = patchesStore(state);
  const own = httpService(enrolment.server, http, () => agentApiOf(required(session, "session.json")));
  return {
    ...ports,
    enrolment,
    keys,
    service: mirror === null ? own : mirroredService(own, openMirror(mirror, http), ports.clock),
    probe: hostProbe(http),
    sightings: sightingsFile(state),
    session,
    patches,
    room: roomIn(state, patches),
    keptPlan: keptPlanFile(state),
    pins: pinsFile(state),
    journal: journalFile(state),
    waiting: waitingFile(state),
    outbox: openOutbox(state, enrolment.machine, keys),
    refusals: refusalsIn(refusalsFile(state), ports.clock),
    limits: limitsIn(limitsFile(state), ports.clock),
    policyUndosADay,
    repositories: repositoriesStore(state),
    vendorPins: vendors,
  };
}
