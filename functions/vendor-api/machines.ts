import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { PageQuery } from "../../protocol/wire/account.ts";
import { MachineList, type MachineView, type TroubleView } from "../../protocol/wire/customer.ts";
import { Name } from "../../protocol/wire/names.ts";
import { livenessOf } from "../domain/liveness.ts";
import type { Machine } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { PatchState, Trouble } from "../stores/states.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure } from "./openapi.ts";

/** Each machine costs a query. */
const defaultLimit = 50;

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/machines",
  tags: ["customers"],
  summary: "List a customer's machines and what became of each patch there",
  request: { params: z.object({ customer: Name }), query: PageQuery },
  responses: {
    200: answer(MachineList, "One page; it goes on where there is a cursor", examples.machines),
    ...failure,
  },
});

export function machineRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const { limit = defaultLimit, cursor: from } = c.req.valid("query");
    const { items, cursor } = await deps.machines.listByCustomer(customer, { limit, cursor: from });
    const machines = items.map(async (machine) => {
      const states = await collect((page) => deps.states.listByMachine(machine.machine, page));
      return machineView(machine, states, deps.now());
    });
    return c.json({ machines: await Promise.all(machines), ...(cursor !== undefined && { cursor }) }, 200);
  });
}

/** Trouble as the API tells it. */
export function troubleView({ kind, detail, at }: Trouble): z.infer<typeof TroubleView> {
  return { kind, detail, at: new Date(at).toISOString() };
}

function machineView(
  { machine, group, tags = [], facts, enrolledAt, seenAt }: Machine,
  states: PatchState[],
  now: Date,
): MachineView {
  const { hostname, arch, kernel, agent } = facts;
  return {
    machine,
    hostname,
    group,
    tags,
    arch,
    kernel,
    agent,
    enrolledAt: new Date(enrolledAt).toISOString(),
    seenAt: new Date(seenAt).toISOString(),
    liveness: livenessOf(seenAt / 1000, now.getTime() / 1000),
    patches: states.map(({ patchId, state, detail, at, trouble }) => ({
      patch: patchId,
      state,
      detail,
      at: new Date(at).toISOString(),
      ...(trouble !== undefined && { trouble: troubleView(trouble) }),
    })),
  };
}
