import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { signOfflinePlan } from "../../protocol/trust/offline-plan.ts";
import { Name } from "../../protocol/wire/names.ts";
import { OfflinePlanAnswer, OfflinePlanRequest } from "../../protocol/wire/offline.ts";
import { decideOfflinePlan } from "../domain/offline-plan.ts";
import { unchanged } from "../domain/poll.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { acknowledgedIn } from "./acknowledged.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const daySeconds = 86_400;

export const offlinePlan = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/offline-plans",
  tags: ["mirrors"],
  summary: "Make a plan for the hosts of a group that are without a network",
  description:
    "It has what every host of the group may get today. It ends with the first subscription that it draws on.",
  request: { params: z.object({ customer: Name }), ...jsonBody(OfflinePlanRequest, { group: "default", days: 30 }) },
  responses: {
    201: answer(OfflinePlanAnswer, "The plan, signed by a key for such plans alone", {
      group: "default",
      plan: "eyJhbGciOiJFZERTQSIsInR5cCI6InN1dHVyZS1vZmZsaW5lLXBsYW4ifQ…",
      expiresAt: "2026-12-25T09:00:00.000Z",
      apply: 4,
      undo: 1,
      heldBack: [{ patch: "acme/echod/stable/bounds-check@4", because: "wave-not-open" }],
    }),
    ...failure,
  },
});

export function offlinePlanRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(offlinePlan, async (c) => {
    const { customer } = c.req.valid("param");
    const { group, days } = c.req.valid("json");
    const found = await deps.customers.get(customer);
    if (found === undefined) throw noSuch("customer", customer);
    const inputs = new PlanInputsCache(deps);
    const account = await inputs.account(customer, unchanged);
    const acknowledged = await acknowledgedIn(customer, group, deps);
    if (found.groups[group] === undefined && acknowledged === undefined)
      throw new SutureError("not-found", `${customer} has no group ${group}`);

    const iat = Math.floor(deps.now().getTime() / 1000);
    const running = account.subscriptions.filter(({ endsAt }) => endsAt === null || endsAt > iat);
    const streams = running.map(({ stream }) => stream);
    const { actions, heldBack } = decideOfflinePlan({
      group,
      mode: account.groups[group]?.mode ?? "auto",
      subscriptions: running,
      control: account.control,
      patches: await inputs.patches(streams, unchanged),
      now: iat,
    });
    const exp = Math.min(iat + days * daySeconds, ...running.flatMap(({ endsAt }) => endsAt ?? []));
    const plan = { offlinePlan: 1 as const, customer, group, iat, exp, actions, acknowledged: acknowledged ?? {} };
    const count = (kind: string) => actions.filter((action) => action.do === kind).length;
    return c.json(
      {
        group,
        plan: await signOfflinePlan(plan, await deps.offlinePlanKey()),
        expiresAt: new Date(exp * 1000).toISOString(),
        apply: count("apply"),
        undo: count("undo"),
        heldBack,
      },
      201,
    );
  });
}
