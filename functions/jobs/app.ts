import { Hono } from "hono";
import { parseJson } from "../../protocol/wire/parse.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { answerNotFound, answerProblem } from "../problem.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { ChangesStore } from "../stores/changes.ts";
import type { PoliciesStore } from "../stores/policies.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import { countOutcomes } from "./aggregates.ts";
import { advanceEpochs } from "./epochs.ts";
import { type ExpiriesDeps, warnOfExpiries } from "./expiries.ts";
import { type FleetDeps, indexFleet, indexSilence, machinesIn } from "./fleet.ts";
import { logJobs } from "./log-jobs.ts";
import { PublishMessage } from "./queue.ts";
import { type PublishRepositoryDeps, publishRepository } from "./recalls.ts";
import { type GatesDeps, gate, runGates } from "./rollout-gates.ts";
import { startRollouts } from "./rollout-starts.ts";
import { type SeatsDeps, tendSeats } from "./seats.ts";
import { type SupportDeps, warnOfSupport } from "./support.ts";

export type JobsDeps = PublishRepositoryDeps &
  SeatsDeps &
  ExpiriesDeps &
  SupportDeps &
  Omit<FleetDeps, "inputs"> &
  ConstructorParameters<typeof PlanInputsCache>[0] &
  Omit<GatesDeps, "now"> & {
    audit: AuditStore;
    changes: ChangesStore;
    policies: PoliciesStore;
    subscriptions: SubscriptionsStore;
  };

/**
 * The jobs as a plain value: a queue's message and a stream's batch are requests to it. Nobody but the platform reaches it: it is
 * mounted on no port.
 */
export function jobs(deps: JobsDeps): Hono {
  const app = new Hono();
  const fleet = { ...deps, inputs: new PlanInputsCache(deps) };
  app.onError(answerProblem);
  app.notFound(answerNotFound);

  app.post("/publish", async (c) => {
    const { repository } = parseJson(PublishMessage, await c.req.text(), "message");
    return c.json(await publishRepository(repository, deps));
  });
  app.post("/epochs", async (c) => {
    const event = await c.req.json<StreamEvent>();
    await advanceEpochs(tableChanges(event), { changes: deps.changes, now: deps.now() });
    return c.body(null, 204);
  });
  app.post("/rollouts", async (c) => {
    await startRollouts(tableChanges(await c.req.json<StreamEvent>()), { ...deps, now: deps.now() });
    return c.body(null, 204);
  });
  app.post("/aggregates", async (c) => {
    const moved = await countOutcomes(tableChanges(await c.req.json<StreamEvent>()), { ...deps, now: deps.now() });
    for (const rollout of moved) await gate(rollout, { ...deps, now: deps.now() });
    return c.body(null, 204);
  });
  app.post("/fleet", async (c) => {
    await indexFleet(machinesIn(tableChanges(await c.req.json<StreamEvent>())), fleet);
    return c.body(null, 204);
  });
  app.post("/silence", async (c) => c.json({ silent: await indexSilence(fleet) }));
  app.post("/audit", async (c) => {
    await logJobs(tableChanges(await c.req.json<StreamEvent>()), deps);
    return c.body(null, 204);
  });
  app.post("/gates", async (c) => {
    await runGates({ ...deps, now: deps.now() });
    return c.body(null, 204);
  });
  app.post("/expiries", async (c) => c.json(await warnOfExpiries({ ...deps, now: deps.now() })));
  app.post("/support", async (c) => c.json(await warnOfSupport({ ...deps, now: deps.now() })));
  app.post("/seats", async (c) => c.json(await tendSeats({ ...deps, now: deps.now() })));
  return app;
}

type JobPath =
  | "/publish"
  | "/epochs"
  | "/rollouts"
  | "/aggregates"
  | "/audit"
  | "/fleet"
  | "/silence"
  | "/gates"
  | "/expiries"
  | "/support"
  | "/seats";

/**
 * Hands a platform's message to a job.
 * @throws the problem that the job answered, so that the platform sends the message again
 */
export async function runJob<T>(app: Hono, path: JobPath, message: unknown): Promise<T | undefined> {
  const response = await app.request(path, { method: "POST", body: JSON.stringify(message) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text === "" ? undefined : (JSON.parse(text) as T);
}
