import type { Hono } from "hono";
import { SutureError } from "../../../protocol/errors.ts";
import { answerLive } from "../answer.tsx";
import { type FleetStores, readFleet } from "../machines/fleet.ts";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { PatchesPage } from "./list.tsx";
import { PatchPage } from "./patch.tsx";

export function patchRoutes(app: Hono, deps: FleetStores & SessionDeps): void {
  const customers = only(["customer"], deps);

  app.get("/patches", customers, async (c) => {
    const customer = tenantOf(c);
    const now = deps.now().getTime();
    const fleet = await readFleet(deps, customer, now);
    return answerLive(c, {
      title: texts.patches.title,
      page: <PatchesPage fleet={fleet} customer={customer} now={now} />,
    });
  });

  app.get("/patches/:vendor/:product/:channel/:patch", customers, async (c) => {
    const { vendor, product, channel, patch: name } = c.req.param();
    const id = [vendor, product, channel, name].join("/");
    const now = deps.now().getTime();
    const { machines, patches } = await readFleet(deps, tenantOf(c), now);
    const patch = patches.find((each) => each.id === id);
    if (patch === undefined) throw new SutureError("not-found", texts.patch.notFound);
    return answerLive(c, {
      title: patch.manifest.title,
      page: <PatchPage patch={patch} machines={machines} now={now} />,
    });
  });
}
