import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { MachineList, MachineQuery, MachineView, type TroubleView } from "../../protocol/wire/customer.ts";
import { MachineId, Name } from "../../protocol/wire/names.ts";
import { presenceOf } from "../control.ts";
import { type Liveness, livenessOf } from "../domain/liveness.ts";
import { freeSeats } from "../seats.ts";
import type { Machine } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { PatchState, Trouble } from "../stores/states.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure } from "./openapi.ts";

/** Each machine costs a query. */
const defaultLimit = 50;

const path = "/v1/customers/{customer}/machines/{machine}";
const params = z.object({ customer: Name, machine: MachineId });
const tags = ["machines"];

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/machines",
  tags,
  summary: "List a customer's machines and what became of each patch there",
  description: "A page may be empty and go on: retired machines are left out of it.",
  request: { params: z.object({ customer: Name }), query: MachineQuery },
  responses: {
    200: answer(MachineList, "One page; it goes on where there is a cursor", examples.machines),
    ...failure,
  },
});
export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show a machine and what became of each patch there",
  request: { params },
  responses: { 200: answer(MachineView, "The machine", examples.machine), ...failure },
});
export const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Retire a machine",
  description:
    "Its seats are free at once. What is applied there stays. It is told when it checks in, and must be enrolled anew.",
  request: { params },
  responses: { 200: answer(MachineView, "The machine as it is now", examples.retiredMachine), ...failure },
});

export function machineRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const { limit = defaultLimit, cursor: from, retired } = c.req.valid("query");
    const { items, cursor } = await deps.machines.listByCustomer(customer, { limit, cursor: from });
    const wanted = items.filter((machine) => retired === "true" || livenessNow(machine) !== "retired");
    const machines = await Promise.all(wanted.map(namedRows("machines", view)));
    return c.json({ machines, ...(cursor !== undefined && { cursor }) }, 200);
  });
  app.openapi(get, async (c) => c.json(await view(await existing(c.req.valid("param"))), 200));
  app.openapi(remove, async (c) => {
    const known = await existing(c.req.valid("param"));
    const at = deps.now().getTime();
    const retired = await deps.machines.retire({ ...known, at, by: "operator" });
    if (retired === undefined) throw noMachine(c.req.valid("param"));
    await freeSeats(known, deps, at);
    return c.json(await view({ ...known, ...retired }), 200);
  });

  async function existing({ customer, machine }: z.infer<typeof params>): Promise<Machine> {
    const found = await deps.machines.get(machine);
    if (found?.customer !== customer) throw noMachine({ customer, machine });
    return found;
  }

  function livenessNow(machine: Machine): Liveness {
    return livenessOf(presenceOf(machine), deps.now().getTime() / 1000);
  }

  async function view(machine: Machine): Promise<MachineView> {
    const states = await collect((page) => deps.states.listByMachine(machine.machine, page));
    return machineView(machine, states, livenessNow(machine));
  }
}

function noMachine({ customer, machine }: z.infer<typeof params>): SutureError {
  return new SutureError("not-found", `${customer} has no machine ${machine}`);
}

/** Trouble as the API tells it. */
export function troubleView({ kind, detail, at }: Trouble): z.infer<typeof TroubleView> {
  return { kind, detail, at: new Date(at).toISOString() };
}

function machineView(
  { machine, group, tags: marks = [], facts, enrolledAt, seenAt, ephemeral = false, retiredAt, retiredBy }: Machine,
  states: PatchState[],
  liveness: Liveness,
): MachineView {
  const { hostname, arch, kernel, agent, failedUpdate, refusals = [] } = facts;
  const isRetired = retiredAt !== undefined && retiredBy !== undefined;
  return {
    machine,
    hostname,
    group,
    tags: marks,
    arch,
    kernel,
    agent,
    ...(failedUpdate !== undefined && { failedUpdate }),
    refusals: refusals.map(({ since, last, over, ...refused }) => ({
      ...refused,
      since: new Date(since * 1000).toISOString(),
      last: new Date(last * 1000).toISOString(),
      ...(over !== undefined && { over: new Date(over * 1000).toISOString() }),
    })),
    enrolledAt: new Date(enrolledAt).toISOString(),
    seenAt: new Date(seenAt).toISOString(),
    liveness,
    ephemeral,
    ...(isRetired && { retired: { at: new Date(retiredAt).toISOString(), by: retiredBy } }),
    patches: states.map(({ patchId, state, detail, at, trouble, partial }) => ({
      patch: patchId,
      state,
      detail,
      at: new Date(at).toISOString(),
      ...(trouble !== undefined && { trouble: troubleView(trouble) }),
      ...(partial !== undefined && { partial }),
    })),
  };
}
