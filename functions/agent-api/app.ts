import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { SutureError } from "../../protocol/errors.ts";
import { statementMediaType } from "../../protocol/trust/request.ts";
import { nextPollHeader, ticketHeader } from "../../protocol/wire/check-in.ts";
import { failedAuthLimit } from "../failed-auth-limit.ts";
import { answerProblem, tooLarge } from "../problem.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { EnrolmentsStore } from "../stores/enrolments.ts";
import type { ReceiptsStore } from "../stores/receipts.ts";
import type { StatesStore } from "../stores/states.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import { ReleasesCache } from "./agent-releases.ts";
import { ChangesCache, type ReadChanges } from "./changes-cache.ts";
import { type CheckInDeps, checkIn } from "./check-in.ts";
import { enrol } from "./enrol.ts";
import { AgentGate, type AgentLimits } from "./limits.ts";
import { answerPoll, type PollAnswerKind } from "./poll.ts";
import { takeReport } from "./report.ts";
import { retire } from "./retire.ts";

/** A check-in of a host with thousands of builds stays under this; nothing else comes near. Bytes. */
const maxBody = 2 * 1024 * 1024;

export type AgentApiDeps = Omit<CheckInDeps, "gate" | "changes" | "releases"> & {
  readChanges: ReadChanges;
  audit: Pick<AuditStore, "append">;
  enrolments: EnrolmentsStore;
  receipts: ReceiptsStore;
  states: StatesStore;
  subscriptions: SubscriptionsStore;
  limits: AgentLimits;
  /** hears of each bundle that a machine could not use as it was served */
  onFault?: (fault: { patch: string; detail: string }) => void;
  /** what our own CDN sends along (viewer-address.ts); undefined where there is none */
  edgeKey?: string | undefined;
  /** milliseconds since the epoch */
  now: () => number;
};

/** The agents' side of the service. A plain value: the local server mounts it, a Lambda handles it. */
export function agentApi(deps: AgentApiDeps): Hono {
  const app = new Hono();
  const changes = new ChangesCache(deps.readChanges, deps.now);
  const releases = new ReleasesCache(deps.hints, deps.now);
  const nextPoll = String(deps.pollSeconds);
  const gate = new AgentGate(deps.limits, deps.now);

  app.onError(answerProblem);
  const told = (kind: PollAnswerKind, c: Context): Response =>
    kind === "nothing-new" ? c.body(null, 204, { [nextPollHeader]: nextPoll }) : c.json({ checkIn: true });
  app.get("/v1/agent/poll", (c) => {
    const answer = answerPoll(c.req.header(ticketHeader), { changes, keys: deps.ticketKeys, gate, now: deps.now() });
    // Waiting for what is known already would cost the commonest answer as much as the rest of it
    return typeof answer === "string" ? told(answer, c) : (async () => told(await answer, c))();
  });

  const limited = bodyLimit({ maxSize: maxBody, onError: tooLarge });
  for (const [path, method] of Object.entries(methods)) {
    if (method === "POST") app.use(path, failedAuthLimit(deps), requireStatement);
  }
  app.post("/v1/agent/enrol", limited, async (c) =>
    c.json(await enrol(await statementOf(c.req), { ...deps, gate, now: deps.now() }), 201),
  );
  app.post("/v1/agent/retire", limited, async (c) =>
    c.json(await retire(await statementOf(c.req), { ...deps, gate, now: deps.now() })),
  );
  app.post("/v1/agent/check-in", limited, async (c) =>
    c.json(await checkIn(await statementOf(c.req), { ...deps, changes, releases, gate }, deps.now())),
  );
  app.post("/v1/agent/reports", limited, async (c) =>
    c.json(await takeReport(await statementOf(c.req), { ...deps, gate, now: deps.now() })),
  );
  for (const [path, allow] of Object.entries(methods)) {
    app.all(path, (c) => {
      throw new SutureError("method-not-allowed", `${c.req.path} takes ${allow}`, { data: { allow: [allow] } });
    });
  }
  return app;
}

/** Each path's one method. */
const methods = {
  "/v1/agent/poll": "GET",
  "/v1/agent/enrol": "POST",
  "/v1/agent/retire": "POST",
  "/v1/agent/check-in": "POST",
  "/v1/agent/reports": "POST",
};

/** Refuses what cannot be a statement before its body is read. */
const requireStatement: MiddlewareHandler = async (c, next) => {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (c.req.method === "POST" && type !== statementMediaType) {
    throw new SutureError("unsupported-media-type", `The body must be ${statementMediaType}, a compact JWS`);
  }
  await next();
};

async function statementOf(request: { text(): Promise<string> }): Promise<string> {
  return (await request.text()).trim();
}
