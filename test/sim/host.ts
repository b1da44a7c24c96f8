import { exportJWK, generateKeyPair } from "jose";
import type { Agent } from "../../agent/agent.ts";
import type { Engine, Outcome } from "../../agent/engines/engine.ts";
import { enrol } from "../../agent/enrolment/enrol.ts";
import { gatherFacts } from "../../agent/facts/gather.ts";
import { noProcesses } from "../../agent/health/ends.ts";
import { noUnits } from "../../agent/health/units.ts";
import { runLoop } from "../../agent/round/loop.ts";
import { httpService } from "../../agent/round/service.ts";
import type { Enrolment } from "../../agent/state/identity.ts";
import { limitsIn } from "../../agent/state/limits.ts";
import type { Session } from "../../agent/state/session.ts";
import type { Http } from "../../agent/system/http.ts";
import { refusalsIn } from "../../agent/trust/refusals.ts";
import { machineIdOf } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import { quietSigns } from "../support/agent/signs.ts";
import { memoryFile, memoryOutbox, memoryPatches, memoryRepositories } from "./memory-state.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How a host takes a patch: well, or it is unhealthy with it, or it dies of it and comes back without it. */
export type Nature = "good" | "unhealthy" | "dies";
/** A host in a simulation, with a real agent on it. Times are milliseconds since the epoch. */
export type SimHost = {
  agent: Agent;
  nature: Nature;
  /** when a patch went in first */
  appliedAt: number | undefined;
  isIn: () => boolean;
  /** nothing on it runs between these */
  off: { from: number; until: number } | undefined;
  /** how wrong its clock is now, in milliseconds */
  clockError: number;
  start: (after: number) => void;
};
type Options = {
  time: VirtualTime;
  http: Http;
  server: string;
  token: string;
  hostname: string;
  buildId: string;
  nature: Nature;
  random: () => number;
  /** called when a patch goes in that was not in before */
  onApply: (host: SimHost) => Promise<void>;
  /** called with the code of what an agent complains of */
  onTrouble: (code: string) => void;
};

const diesAfter = 20_000;
const deadFor = 3_600_000;

/** Enrols a host. Its agent is the real one, its state is in memory, and its engine's target is one process. */
export async function simHost(options: Options): Promise<SimHost> {
  const { time, http, server, token, nature, random } = options;
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty, crv, x } = await exportJWK(pair.publicKey);
  const keys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey: pair.privateKey };
  const inside = new Set<string>();
  const say = (code: Outcome["code"], detail: string): Outcome => ({ code, detail, evidence: {} });
  const presence = (id: string) =>
    inside.has(id) ? say("already-applied", "the patch is in") : say("applied", "ready");
  const engine: Engine = {
    name: "elf",
    detect: async () => ({
      supported: true,
      reason: "",
      facts: { builds: [{ buildId: options.buildId, path: "/usr/bin/echod", processes: 1 }] },
    }),
    check: async ({ id }) => presence(id),
    stage: async ({ id }) => presence(id),
    async apply({ id }) {
      const before = presence(id);
      if (before.code === "already-applied") return before;
      inside.add(id);
      if (host.appliedAt === undefined) {
        host.appliedAt = time.now();
        await options.onApply(host);
        const from = time.now() + diesAfter;
        if (nature === "dies") host.off = { from, until: from + deadFor };
      }
      return say("applied", "patched");
    },
    verify: async ({ id }) => (inside.has(id) ? say("applied", "the patch is in") : say("failed", "it is not in")),
    async undo(id) {
      inside.delete(id);
      return say("undone", "as it was");
    },
    list: async () => [...inside].map((id) => ({ id, targets: [] })),
    recover: async () => [],
  };

  const clock = {
    now: () => time.now() + host.clockError,
    async sleep(millis: number) {
      await time.sleep(millis);
      const { off } = host;
      if (off === undefined || time.now() < off.from) return;
      host.off = undefined;
      if (time.now() < off.until) await time.sleep(off.until - time.now());
      // Its processes started anew, without what had been patched into them
      if (nature === "dies") inside.clear();
    },
  };
  const facts = { hostname: options.hostname, os: "linux", arch: "x86_64", kernel: "6.1", bootId: "b", agent: "0.1.0" };
  const machine = machineIdOf(keys.publicKey);
  const session = memoryFile<Session>();
  const enrolment = memoryFile<Enrolment>();
  const repositories = memoryRepositories();
  const service = httpService(server, http);
  const enrolled = await enrol(server, token, {
    service,
    keys,
    facts: await gatherFacts(facts, [engine]),
    hostId: "",
    ephemeral: false,
    repositories,
    session,
    enrolment,
    now: Math.floor(time.now() / 1000),
  });
  const agent: Agent = {
    enrolment: enrolled,
    keys,
    host: facts,
    engines: new Map([["elf", engine]]),
    processes: noProcesses,
    units: noUnits,
    service,
    probe: async () => (nature === "unhealthy" && inside.size > 0 ? "the server does not answer" : undefined),
    room: () => {},
    hostChecks: () => ({ checks: [], refused: [] }),
    signs: quietSigns,
    sightings: memoryFile(),
    session,
    patches: memoryPatches(),
    keptPlan: memoryFile(),
    pins: memoryFile(),
    journal: memoryFile(),
    waiting: memoryFile(),
    outbox: memoryOutbox(machine, keys),
    refusals: refusalsIn(memoryFile(), clock),
    limits: limitsIn(memoryFile(), clock),
    policyUndosADay: 1,
    repositories,
    vendorPins: null,
    updates: null,
    clock,
    random,
    emit: (event) => {
      if (event.event === "trouble") options.onTrouble(event.code);
    },
  };
  const never = new AbortController().signal;
  const host: SimHost = {
    agent,
    nature,
    appliedAt: undefined,
    isIn: () => inside.size > 0,
    off: undefined,
    clockError: 0,
    start: (after) =>
      time.begin(async () => {
        await runLoop(agent, { signal: never, wake: () => never });
      }, after),
  };
  return host;
}
