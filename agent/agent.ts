import type { MachineKeys } from "../protocol/trust/request.ts";
import type { EngineName, OutcomeCode } from "../protocol/wire/host.ts";
import type { IncidentKind } from "../protocol/wire/incident.ts";
import type { Waiting } from "../protocol/wire/report.ts";
import type { Engine } from "./engines/engine.ts";
import type { HostBasics } from "./facts/gather.ts";
import type { Processes } from "./health/ends.ts";
import type { HostChecks } from "./health/host-checks.ts";
import type { Probe } from "./health/probe.ts";
import type { Units } from "./health/units.ts";
import type { Signs } from "./incidents/signs.ts";
import type { Service } from "./round/service.ts";
import type { Enrolment } from "./state/identity.ts";
import type { Intent } from "./state/journal.ts";
import type { JsonFile } from "./state/json-file.ts";
import type { KeptPlan } from "./state/kept-plan.ts";
import type { Limits } from "./state/limits.ts";
import type { Outbox } from "./state/outbox.ts";
import type { PatchesStore } from "./state/patches.ts";
import type { RepositoriesStore } from "./state/repositories.ts";
import type { Room } from "./state/room.ts";
import type { Session } from "./state/session.ts";
import type { Sightings } from "./state/sightings.ts";
import type { Clock } from "./system/clock.ts";
import type { Refusals } from "./trust/refusals.ts";
import type { VendorPins } from "./trust/trust.ts";
import type { Updates } from "./update/updates.ts";

/** Something that happened, for whoever looks on: plain JSON. `run --json` prints each as a line. */
export type AgentEvent =
  | { event: "started"; machine: string; server: string; pollSeconds: number | null }
  | { event: "nothing-new"; nextPollSeconds: number }
  | { event: "plan"; seq: number; apply: number; undo: number; hold: number; why: string }
  | { event: "refused"; patch: string; code: string; detail: string }
  | { event: "held" | "limited"; patch: string; detail: string }
  | { event: "applying" | "undoing"; patch: string }
  | {
      event: OutcomeCode;
      patch: string;
      action: "apply" | "undo";
      detail: string;
      ms: number;
      pauseMicros: number | null;
    }
  | { event: "waiting"; patch: string; waitedSeconds: number; blockers: string[] }
  | { event: "incomplete"; patch: string; code: string; detail: string }
  | { event: "healthy"; patch: string }
  | { event: "recovered"; patch: string; code: string; detail: string }
  | { event: "reported"; receipts: number }
  | { event: "incident"; kind: IncidentKind; detail: string }
  | { event: "stale"; verifiedAt: string }
  | { event: "trouble"; code: string; detail: string; retryInSeconds: number }
  | { event: "agent-update"; version: string; step: "staged" | "started" }
  | { event: "agent-update-failed"; version: string; code: string | null; detail: string }
  | { event: "retired" }
  | { event: "stopped" };

/** An enrolled agent: everything that its decisions need, each a port that tests replace. */
export type Agent = {
  enrolment: Enrolment;
  keys: MachineKeys;
  host: HostBasics;
  engines: ReadonlyMap<EngineName, Engine>;
  service: Service;
  probe: Probe;
  room: Room;
  processes: Processes;
  /** the host's services, as their manager sees them */
  units: Units;
  /** the host's own health checks as they stand now */
  hostChecks: () => HostChecks;
  /** where the host shows trouble, and what was seen of it last */
  signs: Signs;
  sightings: JsonFile<Sightings>;
  session: JsonFile<Session>;
  /** a verified plan that is still to be carried out */
  keptPlan: JsonFile<KeptPlan>;
  patches: PatchesStore;
  /** patches that are to stay as they are */
  pins: JsonFile<string[]>;
  journal: JsonFile<Intent>;
  /** what is waited for right now, for whoever looks on */
  waiting: JsonFile<Waiting>;
  outbox: Outbox;
  /** what was refused as a whole, plans and metadata among it */
  refusals: Refusals;
  /** what waits for a limit of this host, and how many patches a plan may undo by policy in a day */
  limits: Limits;
  policyUndosADay: number;
  repositories: RepositoriesStore;
  vendorPins: VendorPins;
  /** the agent's own releases; null where it does not update itself */
  updates: Updates | null;
  clock: Clock;
  /** 0 up to 1, as Math.random */
  random: () => number;
  emit: (event: AgentEvent) => void;
};

/** The host's time in whole seconds since the epoch. */
export function secondsOf(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
