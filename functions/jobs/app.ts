import { Hono } from "hono";
import { parseJson } from "../../protocol/wire/parse.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { answerNotFound, answerProblem } from "../problem.ts";
import type { ProgressStore } from "../stores/progress.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { consumerNames } from "./consumers.ts";
import { type ExpiriesDeps, warnOfExpiries } from "./expiries.ts";
import { PublishMessage } from "./queue.ts";
import { type PublishRepositoryDeps, publishRepository } from "./recalls.ts";
import { runGates } from "./rollout-gates.ts";
import { type SeatsDeps, tendSeats } from "./seats.ts";
import { type StreamWorkDeps, streamWork } from "./stream-work.ts";
import { type SupportDeps, warnOfSupport } from "./support.ts";
import { runSweeps } from "./sweeps.ts";

export type JobsDeps = PublishRepositoryDeps &
  SeatsDeps &
  ExpiriesDeps &
  SupportDeps &
  StreamWorkDeps & { progress: ProgressStore };

/**
 * The jobs as a plain value: a queue's message and a stream's batch are requests to it. Nobody but the platform reaches it: it is
 * mounted on no port.
 */
export function jobs(deps: JobsDeps): Hono {
  const app = new Hono();
  const fleet = { ...deps, inputs: new PlanInputsCache(deps) };
  const work = streamWork(deps);
  app.onError(answerProblem);
  app.notFound(answerNotFound);

  app.post("/publish", async (c) => {
    const { repository } = parseJson(PublishMessage, await c.req.text(), "message");
    return c.json(await publishRepository(repository, deps));
  });
  for (const name of consumerNames) {
    app.post(`/${name}`, async (c) => {
      await work[name](tableChanges(await c.req.json<StreamEvent>()));
      return c.body(null, 204);
    });
  }
  app.post("/gates", async (c) => {
    await runGates({ ...deps, now: deps.now() });
    return c.body(null, 204);
  });
  app.post("/sweeps", async (c) => {
    await runSweeps(fleet);
    return c.body(null, 204);
  });
  app.post("/expiries", async (c) => c.json(await warnOfExpiries({ ...deps, now: deps.now() })));
  app.post("/support", async (c) => c.json(await warnOfSupport({ ...deps, now: deps.now() })));
  app.post("/seats", async (c) => c.json(await tendSeats({ ...deps, now: deps.now() })));
  return app;
}

type JobPath =
  | "/publish"
  | `/${(typeof consumerNames)[number]}`
  | "/gates"
  | "/sweeps"
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
