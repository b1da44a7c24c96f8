import type { Context, Hono } from "hono";
import type { PatchStatus } from "../../domain/status.ts";
import type { PageRequest } from "../../stores/page.ts";
import { answerCsv, answerCsvInParts, answerLive } from "../answer.tsx";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { PatchesPage, patchesCsv } from "./list.tsx";
import { PatchPage, patchMachinesCsv } from "./patch.tsx";
import { type PatchStores, readCounted, readPatch } from "./read.ts";

export function patchRoutes(app: Hono, deps: PatchStores & SessionDeps): void {
  const customers = only(["customer"], deps);

  app.get("/patches", customers, async (c) => {
    const customer = tenantOf(c);
    const { patches } = await readCounted(deps, customer);
    const page = <PatchesPage patches={patches} customer={customer} now={deps.now().getTime()} />;
    return answerLive(c, { title: texts.patches.title, page });
  });

  app.get("/patches.csv", customers, async (c) => {
    const { patches } = await readCounted(deps, tenantOf(c));
    return answerCsv(c, "patches", patchesCsv(patches));
  });

  app.get("/patches/:vendor/:product/:channel/:patch", customers, async (c) => {
    const status = statusIn(c);
    const counted = await readPatch(deps, tenantOf(c), patchIn(c));
    const request = { status, limit: 50, cursor: c.req.query("cursor") };
    const machines = await deps.fleet.machinesOf(tenantOf(c), counted.patch.id, request);
    const page = <PatchPage counted={counted} machines={machines} status={status} now={deps.now().getTime()} />;
    return answerLive(c, { title: counted.patch.manifest.title, page });
  });

  app.get("/patches/:vendor/:product/:channel/:patch/machines.csv", customers, async (c) => {
    const { patch } = await readPatch(deps, tenantOf(c), patchIn(c));
    const status = statusIn(c);
    const list = (page: PageRequest) => deps.fleet.machinesOf(tenantOf(c), patch.id, { ...page, status });
    return await answerCsvInParts(c, "machines-of-patch", list, patchMachinesCsv);
  });
}

function patchIn(c: Context): string {
  const { vendor, product, channel, patch } = c.req.param();
  return [vendor, product, channel, patch].join("/");
}

function statusIn(c: Context): PatchStatus | undefined {
  const status = c.req.query("status") ?? "";
  return Object.hasOwn(texts.statuses, status) ? (status as PatchStatus) : undefined;
}
