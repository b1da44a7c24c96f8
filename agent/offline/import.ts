import { SutureError } from "../../protocol/errors.ts";
import { verifyOfflinePlan } from "../../protocol/trust/offline-plan.ts";
import { mirrorPath } from "../../protocol/wire/mirror.ts";
import { offlinePlanKeysPath, offlinePlanPath } from "../../protocol/wire/offline.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { PlanKeys } from "../../protocol/wire/plan.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { ownFacts } from "../facts/gather.ts";
import type { Source } from "../mirror/source.ts";
import { type ActionResult, act } from "../patches/act.ts";
import { refusing } from "../round/check-in.ts";
import type { Service } from "../round/service.ts";
import { required } from "../state/json-file.ts";
import { learnRecalls } from "../trust/learn-recalls.ts";
import { openTrust } from "../trust/trust.ts";
import { ownActions } from "./own-actions.ts";

const maxPlan = 1_000_000;

/** What an import came to. `exp` in seconds since the epoch: until then the host is not stale. */
export type Imported = { exp: number; results: ActionResult[]; acknowledged: number };

/**
 * Carries out the plan for this host's group that a file or a folder has. Everything is verified as it is with the service; whether
 * such plans are taken at all is the caller's to look up.
 * @throws SutureError `not-found` where it has no plan for the group, `plan-invalid`, `wrong-machine`, what trust throws
 */
export async function importPlan(agent: Agent, source: Source): Promise<Imported> {
  const { customer, group, machine } = agent.enrolment;
  const before = required(agent.session, "session.json");
  const now = Math.max(secondsOf(agent.clock), before.floor);
  const service = carried(source, agent.service);
  agent.refusals.begin();
  const offline: Agent = { ...agent, service };
  const trust = openTrust(offline, {}, new Date(now * 1000));
  const keys = await (await trust.service()).read(offlinePlanKeysPath);
  const jws = await source.read(offlinePlanPath(customer, group), maxPlan);
  if (jws === undefined || keys === undefined)
    throw new SutureError("not-found", `${source.location} has no plan for group ${group} of ${customer}`);
  const text = Buffer.from(jws).toString("utf8").trim();
  const planKeys = parseJson(PlanKeys, keys, offlinePlanKeysPath, "untrusted-metadata");
  const expected = { customer, group, now, notBefore: before.offlinePlan?.iat ?? 0 };
  const plan = await refusing(agent, () => verifyOfflinePlan(text, planKeys, expected));
  const { iat, exp } = plan;
  const floor = Math.max(before.floor, iat);
  const verifiedAt = Math.max(secondsOf(agent.clock), floor);
  agent.session.write({ ...before, floor, verifiedAt, offlinePlan: { iat, exp } });

  const newest = plan.acknowledged[machine] ?? 0;
  const known = agent.outbox.waiting().flatMap(({ said }) => (said.sequence <= newest ? [said.sequence] : []));
  agent.outbox.acknowledge(known);

  const facts = await ownFacts(agent);
  const actions = await ownActions(offline, plan.actions, facts, trust);
  const count = (kind: string) => actions.filter((action) => action.do === kind).length;
  agent.emit({ event: "plan", seq: 0, apply: count("apply"), undo: count("undo"), hold: 0, why: "carried by hand" });
  const results = await act(offline, { plan: { seq: 0, actions }, answer: { downloads: {} }, trust }, facts);
  await learnRecalls(offline, trust);
  agent.refusals.settle();
  return { exp, results, acknowledged: known.length };
}

/** The service's public files and bundles out of a source, and nothing else of it. */
function carried(source: Source, service: Service): Service {
  return {
    ...service,
    publicFile: (repository, name, maxBytes) => source.read(mirrorPath.metadata(repository, name), maxBytes),
    usesMirror: () => true,
    mirroredBundle: (sha256, maxBytes) => source.read(mirrorPath.bundle(sha256), maxBytes),
  };
}
