import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { Explanation } from "../../protocol/wire/explain.ts";
import { Channel, MachineId, Name } from "../../protocol/wire/names.ts";
import { PatchName } from "../../protocol/wire/vendor.ts";
import { plannedMachine } from "../control.ts";
import { explain } from "../domain/explain.ts";
import { unchanged } from "../domain/poll.ts";
import { PlanInputsCache, streamsOf } from "../plan-inputs.ts";
import { collect } from "../stores/page.ts";
import type { VendorApiDeps } from "./deps.ts";
import { troubleView } from "./machines.ts";
import { answer, failure } from "./openapi.ts";

const params = z.object({
  customer: Name,
  machine: MachineId,
  vendor: Name,
  product: Name,
  channel: Channel,
  patch: PatchName,
});

export const route = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/machines/{machine}/explain/{vendor}/{product}/{channel}/{patch}",
  tags: ["rollouts"],
  summary: "Say why a machine does or does not get a patch",
  description: "The answer comes from the function that makes the machine's plans.",
  request: { params },
  responses: {
    200: answer(Explanation, "The verdict, and when time alone changes it", {
      patch: "acme/echod/stable/bounds-check@4",
      verdict: "wave-not-open",
      sentence: "The machine is in a later wave of the rollout.",
      changesAt: null,
    }),
    ...failure,
  },
});

export function explainRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(route, async (c) => {
    const { customer, machine: id, vendor, product, channel, patch } = c.req.valid("param");
    const machine = await deps.machines.get(id);
    if (machine?.customer !== customer) throw new SutureError("not-found", `${customer} has no machine ${id}`);
    // A cache of its own for one request: what is explained is what is in the tables now
    const inputs = new PlanInputsCache(deps);
    const account = await inputs.account(customer, unchanged);
    const seated = account.subscriptions.map(async ({ stream, endsAt, seats }) => ({
      stream,
      endsAt,
      seated: (await deps.seats.taken(customer, stream)) < seats || (await isSeated(stream, id)),
    }));
    const explanation = explain(
      {
        machine: plannedMachine(machine),
        facts: machine.facts,
        held: machine.patches,
        mode: account.groups[machine.group]?.mode ?? "auto",
        control: account.control,
        subscriptions: await Promise.all(seated),
        patches: await inputs.patches(streamsOf(account, machine.patches), unchanged),
        now: Math.floor(deps.now().getTime() / 1000),
      },
      `${vendor}/${product}/${channel}/${patch}`,
    );
    const states = await collect((page) => deps.states.listByMachine(id, page));
    const state = states.find(({ patchId }) => patchId === explanation.patch);
    const { trouble, partial, detail = "" } = state ?? {};
    const found = {
      ...(trouble !== undefined && { trouble: troubleView(trouble) }),
      ...(partial !== undefined && { partial: { ...partial, detail } }),
    };
    return c.json({ ...explanation, ...found }, 200);

    async function isSeated(stream: string, machineId: string): Promise<boolean> {
      return await deps.seats.isSeated(customer, stream, machineId);
    }
  });
}
