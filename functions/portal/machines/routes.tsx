import type { Context, Hono } from "hono";
import { conditions } from "../../domain/status.ts";
import { answerCsv, answerLive } from "../answer.tsx";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { type FleetStores, readFleet, readMachine } from "./fleet.ts";
import { type FleetFilter, FleetFilterForm, FleetPage, machinesCsv } from "./list.tsx";
import { MachinePage } from "./machine.tsx";

export function machineRoutes(app: Hono, deps: FleetStores & SessionDeps): void {
  const customers = only(["customer"], deps);

  app.get("/machines", customers, async (c) => {
    const filter = filterOf(c);
    const customer = tenantOf(c);
    const now = deps.now().getTime();
    const fleet = await readFleet(deps, customer, now);
    const { origin } = new URL(c.req.url);
    return answerLive(c, {
      title: texts.fleet.title,
      above: fleet.machines.length > 0 && <FleetFilterForm filter={filter} />,
      page: <FleetPage fleet={fleet} filter={filter} customer={customer} origin={origin} now={now} />,
    });
  });

  app.get("/machines.csv", customers, async (c) => {
    const fleet = await readFleet(deps, tenantOf(c), deps.now().getTime());
    return answerCsv(c, "machines", machinesCsv(fleet, filterOf(c)));
  });

  app.get("/machines/:machine", customers, async (c) => {
    const now = deps.now().getTime();
    const view = await readMachine(deps, tenantOf(c), c.req.param("machine"), now);
    const { machine } = view;
    const page = <MachinePage view={view} now={now} />;
    return answerLive(c, { title: machine.facts.hostname || machine.machine, page });
  });
}

function filterOf(c: Context): FleetFilter {
  const state = c.req.query("state");
  return { text: c.req.query("q")?.slice(0, 200) ?? "", condition: conditions.find((each) => each === state) };
}
