import { createHash } from "node:crypto";
import type { CryptoKey } from "jose";
import { SutureError } from "../../protocol/errors.ts";
import { matchingVariants } from "../../protocol/match.ts";
import { signPlan } from "../../protocol/trust/plan.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { type CheckInAnswer, CheckInRequest } from "../../protocol/wire/check-in.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { plannedMachine } from "../control.ts";
import { releaseFor } from "../domain/agent-release.ts";
import { planSeconds } from "../domain/check-in-by.ts";
import { isAlternating } from "../domain/clone.ts";
import { policyFor } from "../domain/policy.ts";
import type { ChangeRecord } from "../domain/poll.ts";
import { scopeOf, sealTicket, type TicketKeys } from "../domain/ticket.ts";
import type { PlannedPatch } from "../domain/verdict.ts";
import { type PlanInputsCache, streamScopes, streamsOf } from "../plan-inputs.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import type { SeatsStore } from "../stores/seats.ts";
import type { ReleasesCache } from "./agent-releases.ts";
import type { ChangesCache } from "./changes-cache.ts";
import { refuseSkew } from "./clock.ts";
import type { AgentGate } from "./limits.ts";
import type { MetadataHints } from "./metadata-hints.ts";
import { decideSeated } from "./seats.ts";

export type CheckInDeps = {
  gate: AgentGate;
  machines: MachinesStore;
  seats: SeatsStore;
  inputs: PlanInputsCache;
  /** this instance's copy of the record, which polls are answered from */
  changes: Pick<ChangesCache, "reload">;
  hints: MetadataHints;
  releases: Pick<ReleasesCache, "get">;
  presign: (bundleSha256: string) => Promise<string>;
  ticketKeys: TicketKeys;
  planKey: () => Promise<{ kid: string; privateKey: CryptoKey }>;
  pollSeconds: number;
  /** where agents are told to poll and check in; undefined is the service's own name */
  agentUrl?: () => Promise<string | undefined>;
};

/**
 * Takes a machine's word of itself and answers with its plan.
 * @param now milliseconds since the epoch
 * @throws SutureError `unauthorized`, `bad-signature`, `clock-skew`, `counter-behind`, `retired`, `rate-limited`
 */
export async function checkIn(jws: string, deps: CheckInDeps, now: number): Promise<CheckInAnswer> {
  const { machine: signer, payload: said } = await verifyStatement("suture-check-in", jws, CheckInRequest);
  if (signer !== said.machine) throw new SutureError("bad-signature", "The statement is another machine's");
  deps.gate.machine(signer);
  refuseSkew(said.iat, now);

  // The epoch comes before everything that the plan is made from: what changes later has a later epoch
  const record = await deps.changes.reload();
  const bodyHash = createHash("sha256").update(jws).digest("hex");
  const { machine } = await deps.machines.checkIn(said.machine, { ...said, bodyHash, at: now });
  deps.gate.tenant(machine.customer);
  return await answer(await watchForClones(machine, deps), said.metadata, record, deps, now);
}

/** Two hosts with one identity check in by turns. Seldom, so that the write for it costs nobody else. */
async function watchForClones(machine: Machine, { machines }: CheckInDeps): Promise<Machine> {
  if (!isAlternating(machine.boots)) return machine;
  await machines.markCloned(machine.machine, machine.seenAt);
  return { ...machine, clonedAt: machine.seenAt };
}

async function answer(
  machine: Machine,
  has: CheckInRequest["metadata"],
  record: ChangeRecord,
  deps: CheckInDeps,
  now: number,
): Promise<CheckInAnswer> {
  const account = await deps.inputs.account(machine.customer, record);
  const streams = streamsOf(account, machine.patches);
  const patches = await deps.inputs.patches(streams, record);
  const modeOf = (groups: typeof account.groups) => groups[machine.group]?.mode ?? "auto";
  // A repeated check-in is planned as of its first time, so that it gets the same plan
  const iat = Math.floor(machine.seenAt / 1000);
  const inputs = {
    machine: plannedMachine(machine),
    control: account.control,
    facts: machine.facts,
    held: machine.patches,
    mode: modeOf(account.groups),
    subscriptions: account.subscriptions,
    patches,
    now: iat,
  };
  const { actions, checkInBy } = await decideSeated(machine, inputs, {
    seats: deps.seats,
    at: machine.seenAt,
    async decidedNow() {
      const { control, groups } = await deps.inputs.decided(machine.customer);
      return { control, mode: modeOf(groups) };
    },
  });
  const agentUrl = await deps.agentUrl?.();
  const { agent: ring } = policyFor({ ...inputs.machine, facts: machine.facts }, account.control.policies, inputs.mode);
  const agentRelease = releaseFor(machine.facts, ring, await deps.releases.get(record), machine.seenAt);
  const plan = {
    plan: 1 as const,
    machine: machine.machine,
    seq: machine.counter,
    iat,
    exp: iat + planSeconds,
    checkInBy,
    pollSeconds: deps.pollSeconds,
    ...(agentUrl !== undefined && { agentUrl }),
    ...(agentRelease !== undefined && { agentRelease }),
    actions,
  };
  const scopes = [
    scopeOf.tenant(machine.customer),
    scopeOf.group(machine.customer, machine.group),
    ...new Set(streams.flatMap(streamScopes)),
  ];
  const applied = new Set(actions.flatMap((action) => (action.do === "apply" ? [action.patch] : [])));
  const planned = patches.filter((patch) => applied.has(patch.id));
  // Whatever else a host says that it has costs no reading, nor another's place among what is kept
  const known = new Set(patches.map(({ id }) => id));
  const held = machine.patches.flatMap(({ patch }) => (known.has(patch) ? [parsePatchId(patch)] : []));
  const met = new Set(machine.patches.map(({ patch }) => patch));
  const wanted = actions.flatMap((action) =>
    action.do === "hold" ? [] : [{ ...parsePatchId(action.patch), isNew: !met.has(action.patch) }],
  );
  const [signed, downloads, metadata] = await Promise.all([
    signPlan(plan, await deps.planKey()),
    presigned(planned, machine, deps),
    deps.hints.lackedBy(has, { held, wanted }, record),
  ]);
  const ticket = sealTicket({ machine: machine.machine, epoch: record.epoch, checkInBy, scopes }, deps.ticketKeys);
  return { plan: signed, ticket, metadata, downloads, serverTime: Math.floor(now / 1000) };
}

async function presigned(planned: readonly PlannedPatch[], machine: Machine, deps: CheckInDeps) {
  const bundles = planned.flatMap((patch) =>
    matchingVariants(patch.manifest, machine.facts).map((variant) => variant.bundle.sha256),
  );
  const urls = [...new Set(bundles)].map(async (sha256) => [sha256, await deps.presign(sha256)] as const);
  return Object.fromEntries(await Promise.all(urls));
}
