import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Channel, Name, PatchId } from "../../protocol/wire/names.ts";
import { type RecallOnMachine, RecallsOnMachines, RecallTerms, RecallView } from "../../protocol/wire/recalls.ts";
import { PatchName } from "../../protocol/wire/vendor.ts";
import { recallProgress } from "../domain/recall.ts";
import { collectSome } from "../stores/page.ts";
import type { PatchRecord } from "../stores/patches.ts";
import type { OperatorStatement } from "../stores/recalls.ts";
import type { PatchState } from "../stores/states.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { operatorStatements, say } from "./operator-statements.ts";

/** A request looks at so many machines of a patch, in the order of their ids, which are random: of more they are a fair sample. */
const mostLookedAt = 50_000;

const tags = ["recalls"];
const at = "2026-11-25T09:00:00.000Z";
const patch = "acme/echod/stable/bounds-check@4";
const patchParams = z.object({ vendor: Name, product: Name, channel: Channel, patch: PatchName });
const recallPath = "/v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/recall";
const recallExample = {
  patch,
  recalled: true,
  reason: "It corrupts requests of exactly 4096 bytes",
  at,
  by: "operator",
  public: true,
  undone: 98,
  pending: 2,
  medianSeconds: 431,
  slowestSeconds: 917,
  isSample: false,
} satisfies RecallView;

export const get = createRoute({
  method: "get",
  path: recallPath,
  tags,
  summary: "Say how far a recall has come, and how long machines took",
  description: "The vendor's recalls too. Machines that have not said that the patch is out are pending.",
  request: { params: patchParams },
  responses: { 200: answer(RecallView, "The recall", recallExample), ...failure },
});
export const put = createRoute({
  method: "put",
  path: recallPath,
  tags,
  summary: "Recall a patch, for good",
  description: "A signed statement in the service's own repository; machines undo the patch as their policy says.",
  request: { params: patchParams, ...jsonBody(RecallTerms, { reason: recallExample.reason }) },
  responses: { 200: answer(RecallView, "The recall", { ...recallExample, public: false }), ...failure },
});
export const listOnMachines = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/recalls",
  tags,
  summary: "List recalled patches on a customer's machines, and how long each took to be undone",
  request: { params: z.object({ customer: Name }), query: PageQuery.extend({ patch: PatchId.optional() }) },
  responses: {
    200: answer(
      RecallsOnMachines,
      "One page of the machines that had a recalled patch; it goes on where there is a cursor",
      {
        machines: [
          {
            patch,
            machine: `m-${"0a".repeat(16)}`,
            hostname: "web-1",
            state: "undone",
            recalledAt: at,
            seconds: 431,
            seenAt: at,
          },
        ],
      },
    ),
    ...failure,
  },
});

export function recallRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const found = await existing(idOf(c.req.valid("param")));
    const said = await operatorStatements(deps);
    const recall = said.find((each) => each.kind === "recall" && each.patch === found.id);
    return c.json(await recallView(found, recall), 200);
  });

  app.openapi(put, async (c) => {
    const found = await existing(idOf(c.req.valid("param")));
    const { reason } = c.req.valid("json");
    const before = (await operatorStatements(deps)).find((each) => each.kind === "recall" && each.patch === found.id);
    const recall = before ?? (await say({ kind: "recall", patch: found.id, reason, at: deps.now().getTime() }, deps));
    return c.json(await recallView(found, recall), 200);
  });

  app.openapi(listOnMachines, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const { patch: wanted, ...query } = c.req.valid("query");
    const { items, cursor } = await deps.states.listByCustomer(customer, query);
    const machines = await onMachines(items.filter(({ patchId }) => wanted === undefined || patchId === wanted));
    return c.json({ machines, ...(cursor !== undefined && { cursor }) }, 200);
  });

  async function recallView(found: PatchRecord, recall: OperatorStatement | undefined): Promise<RecallView> {
    const none = { undone: 0, pending: 0, medianSeconds: null, slowestSeconds: null, isSample: false };
    const recalledAt = found.withdrawnAt ?? recall?.at;
    if (recalledAt === undefined) return { patch: found.id, recalled: false, public: true, ...none };
    const states = await collectSome((page) => deps.states.listByPatch(found.id, page), mostLookedAt);
    const progress = states.items.flatMap((state) => recallProgress(state, recalledAt) ?? []);
    const seconds = progress.flatMap((each) => (each.state === "undone" ? [each.seconds] : [])).sort((a, b) => a - b);
    return {
      patch: found.id,
      recalled: true,
      reason: found.reason ?? recall?.reason ?? "",
      at: new Date(recalledAt).toISOString(),
      by: recall === undefined ? "vendor" : "operator",
      public: found.withdrawnAt !== undefined,
      undone: seconds.length,
      pending: progress.length - seconds.length,
      medianSeconds: seconds[Math.floor(seconds.length / 2)] ?? null,
      slowestSeconds: seconds.at(-1) ?? null,
      isSample: states.cursor !== undefined,
    };
  }

  async function onMachines(states: readonly PatchState[]): Promise<RecallOnMachine[]> {
    const each = async <T>(ids: readonly string[], get: (id: string) => Promise<T>) =>
      new Map(await Promise.all([...new Set(ids)].map(async (id) => [id, await get(id)] as const)));
    const patches = await each(
      states.map((state) => state.patchId),
      (id) => deps.patches.get(id),
    );
    const recalled = states.filter((state) => patches.get(state.patchId)?.withdrawnAt !== undefined);
    const machines = await each(
      recalled.map((state) => state.machine),
      (id) => deps.machines.get(id),
    );
    return recalled.flatMap((state) => {
      const machine = machines.get(state.machine);
      const recalledAt = patches.get(state.patchId)?.withdrawnAt;
      const progress = recalledAt === undefined ? undefined : recallProgress(state, recalledAt);
      if (machine === undefined || recalledAt === undefined || progress === undefined) return [];
      return {
        patch: state.patchId,
        machine: machine.machine,
        hostname: machine.facts.hostname,
        state: progress.state,
        recalledAt: new Date(recalledAt).toISOString(),
        seconds: progress.state === "undone" ? progress.seconds : null,
        seenAt: new Date(machine.seenAt).toISOString(),
      };
    });
  }

  async function existing(id: string): Promise<PatchRecord> {
    const found = await deps.patches.get(id);
    if (found === undefined) throw new SutureError("not-found", `There is no patch ${id}`);
    return found;
  }
}

function idOf({ vendor, product, channel, patch: name }: z.infer<typeof patchParams>): string {
  return `${vendor}/${product}/${channel}/${name}`;
}
