import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Channel, Name } from "../../protocol/wire/names.ts";
import { RolloutDecision, RolloutList, RolloutView } from "../../protocol/wire/rollout.ts";
import { PatchName } from "../../protocol/wire/vendor.ts";
import { gateOf } from "../domain/gate.ts";
import { decided, type Rollout } from "../domain/rollout-decision.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { rollout } from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const path = "/v1/customers/{customer}/rollouts/{vendor}/{product}/{channel}/{patch}";
const params = z.object({ customer: Name, vendor: Name, product: Name, channel: Channel, patch: PatchName });
const tags = ["rollouts"];

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/rollouts",
  tags,
  summary: "List a customer's rollouts",
  request: { params: z.object({ customer: Name }), query: PageQuery },
  responses: {
    200: answer(RolloutList, "One page; it goes on where there is a cursor", { rollouts: [rollout] }),
    ...failure,
  },
});
export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show a rollout: how far it is, what failed and why, who decided what and when",
  request: { params },
  responses: { 200: answer(RolloutView, "The rollout; after its end, the review", rollout), ...failure },
});
export const decide = createRoute({
  method: "post",
  path,
  tags,
  summary: "Approve, halt, resume, skip ahead in or abort a rollout, or leave a note",
  request: { params, ...jsonBody(RolloutDecision, { do: "resume", note: "The two that failed had a full disk" }) },
  responses: { 200: answer(RolloutView, "The rollout as it is now", rollout), ...failure },
});

export function rolloutRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const { items, cursor } = await deps.rollouts.list(customer, c.req.valid("query"));
    const rollouts = await Promise.all(items.map(namedRows("rollouts", view)));
    return c.json({ rollouts, ...(cursor !== undefined && { cursor }) }, 200);
  });
  app.openapi(get, async (c) => c.json(await view(await existing(c.req.valid("param"))), 200));
  app.openapi(decide, async (c) => {
    const rollout = await existing(c.req.valid("param"));
    const decision = c.req.valid("json");
    const change = { by: c.get("signIn").label, at: deps.now().getTime(), counts: await deps.outcomes.counts(rollout) };
    const next = decided(rollout, decision, change);
    await deps.rollouts.update(next);
    if (next.state === "halted" && rollout.state !== "halted") await deps.patchHolds.addHalt(next.patch, next.customer);
    return c.json(await view(next), 200);
  });

  async function existing({ customer, vendor, product, channel, patch }: z.infer<typeof params>): Promise<Rollout> {
    const id = `${vendor}/${product}/${channel}/${patch}`;
    const found = await deps.rollouts.get(customer, id);
    if (found === undefined) throw new SutureError("not-found", `${customer} has no rollout of ${id}`);
    return found;
  }

  async function view(rollout: Rollout): Promise<RolloutView> {
    const { customer, patch, state, waves, failureLimit, onHalt, undo, approvedBy, history } = rollout;
    const begun = history[0]?.at ?? 0;
    const counts = await deps.outcomes.counts(rollout);
    const { openedAt, bakesUntil, ...gate } = gateOf(rollout, counts);
    const { phases: _phases, ...machines } = counts;
    return {
      customer,
      patch,
      state,
      wave: rollout.wave + 1,
      waves: [...waves],
      failureLimit,
      onHalt,
      undoing: undo,
      ...(approvedBy !== undefined && { approvedBy }),
      machines,
      gate: { ...gate, openedAt: new Date(openedAt).toISOString(), bakesUntil: new Date(bakesUntil).toISOString() },
      history: history.map(({ at, wave, ...event }) => ({
        ...event,
        at: new Date(at).toISOString(),
        wave: wave + 1,
        minutes: Math.round((at - begun) / 6000) / 10,
      })),
    };
  }
}
