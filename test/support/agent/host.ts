import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Agent, AgentEvent } from "../../../agent/agent.ts";
import type { Config } from "../../../agent/config/config.ts";
import { enrol } from "../../../agent/enrolment/enrol.ts";
import { gatherFacts } from "../../../agent/facts/gather.ts";
import { noProcesses } from "../../../agent/health/ends.ts";
import { readHostChecks } from "../../../agent/health/host-checks.ts";
import { noUnits } from "../../../agent/health/units.ts";
import type { Signs } from "../../../agent/incidents/signs.ts";
import { agentWith } from "../../../agent/open.ts";
import { httpService } from "../../../agent/round/service.ts";
import { enrolmentFile, machineKeys } from "../../../agent/state/identity.ts";
import { repositoriesStore } from "../../../agent/state/repositories.ts";
import { sessionFile } from "../../../agent/state/session.ts";
import { makePrivateDirectory } from "../../../agent/system/files.ts";
import type { Http } from "../../../agent/system/http.ts";
import { type FileEngine, fileEngine } from "./file-engine.ts";
import { server, type TestService, testService } from "./service.ts";
import { quietSigns } from "./signs.ts";

/** The build that every test host runs in two processes. */
export const buildId = "aabbccdd00112233";
const facts = { hostname: "host", os: "linux", arch: "x86_64", kernel: "6.1", bootId: "boot", agent: "0.1.0" };

/** A clock that stands still until a test moves it; sleeping moves it. */
type TestClock = { millis: number };

export type TestHost = { agent: Agent; engine: FileEngine; events: AgentEvent[]; clock: TestClock; state: string };
type HostOptions = {
  directory: string;
  clock: TestClock;
  http: Http;
  onStep?: () => void;
  hostname?: string;
  /** what differs from a quiet host */
  signs?: Partial<Signs>;
  bootId?: string;
  processes?: Agent["processes"];
  units?: Agent["units"];
  mirror?: string | null;
  vendors?: Config["vendors"];
  updates?: Agent["updates"];
};

/** A service, and a host enrolled at it in a new directory, which the caller removes; both go by one clock, which starts at `millis`. */
export async function servedHost({
  millis = Date.parse("2026-11-25T12:00:00Z"),
  ...options
}: { millis?: number } & Partial<HostOptions> = {}): Promise<{
  directory: string;
  service: TestService;
  host: TestHost;
  /** how far the service's clock is ahead of the host's */
  ahead: { millis: number };
}> {
  const directory = mkdtempSync(join(tmpdir(), "suture-host-"));
  const clock = { millis };
  const ahead = { millis: 0 };
  const service = await testService(() => clock.millis + ahead.millis);
  return { directory, service, ahead, host: await newHost(service, { directory, clock, ...options }) };
}

/** Enrols a host whose state and targets lie in a directory, and opens its agent. */
export async function newHost(service: TestService, options: Omit<HostOptions, "http">): Promise<TestHost> {
  return await enrolAt(server, service.token, { ...options, http: service.http });
}

/** Enrols a host at a service on a real port, with the real clock, and opens its agent. */
export async function enrolHost(
  url: string,
  token: string,
  options: Pick<HostOptions, "directory" | "hostname" | "http">,
): Promise<TestHost> {
  return await enrolAt(url, token, { ...options, clock: realClock });
}

/** Time as it passes; nobody moves it. */
const realClock: TestClock = {
  get millis() {
    return Date.now();
  },
  set millis(_) {
    throw new TypeError("Real time cannot be set");
  },
};

async function enrolAt(url: string, token: string, options: HostOptions): Promise<TestHost> {
  const state = join(options.directory, "state");
  makePrivateDirectory(state);
  mkdirSync(join(options.directory, "targets"));
  const engine = fileEngine(join(options.directory, "targets"));
  engine.write({ processes: { [buildId]: [1, 2].map((pid) => ({ pid, patches: [] })) }, staged: [] });
  await enrol(url, token, {
    service: httpService(url, options.http),
    keys: await machineKeys(state),
    facts: await gatherFacts({ ...facts, hostname: options.hostname ?? facts.hostname }, [engine]),
    hostId: "",
    ephemeral: false,
    repositories: repositoriesStore(state),
    session: sessionFile(state),
    enrolment: enrolmentFile(state),
    now: Math.floor(options.clock.millis / 1000),
  });
  return await openHost(options);
}

/** Opens the agent of a host that was enrolled before, as after a restart. */
export async function openHost({
  directory,
  clock,
  http,
  onStep,
  hostname = facts.hostname,
  signs,
  bootId = "boot",
  processes = noProcesses,
  units = noUnits,
  mirror = null,
  vendors = null,
  updates = null,
}: HostOptions): Promise<TestHost> {
  const state = join(directory, "state");
  const engine = fileEngine(join(directory, "targets"), onStep);
  const events: AgentEvent[] = [];
  const agent = await agentWith(
    { state, mirror, vendors },
    {
      host: { ...facts, hostname, bootId },
      signs: { ...quietSigns, ...signs },
      engines: new Map([["elf", engine]]),
      processes,
      units,
      http,
      clock: {
        now: () => clock.millis,
        async sleep(millis) {
          clock.millis += millis;
        },
      },
      random: () => 0.5,
      updates,
      hostChecks: () => readHostChecks(join(directory, "health.d")),
      emit: (event) => events.push(event),
    },
  );
  return { agent, engine, events, clock, state };
}
