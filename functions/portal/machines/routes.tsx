import type { Context, Hono } from "hono";
import { MachineId } from "../../../protocol/wire/names.ts";
import { conditions } from "../../domain/status.ts";
import { type IndexedMachine, severities } from "../../stores/fleet.ts";
import { collect, type Page } from "../../stores/page.ts";
import { answerCsv, answerLive } from "../answer.tsx";
import { formLimit, readForm } from "../form.ts";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { hrefOf, MachinesFilter, MachinesPage, type MachinesQuery, machinesCsv, totalOf } from "./list.tsx";
import { MachinePage } from "./machine.tsx";
import { type MachineStores, readMachine } from "./read.ts";
import { SavedViews, savedViews, saveView } from "./saved-views.tsx";

export function machineRoutes(app: Hono, deps: MachineStores & SessionDeps): void {
  const customers = only(["customer"], deps);

  app.get("/machines", customers, async (c) => {
    const query = queryOf(c);
    const customer = tenantOf(c);
    const [machines, counts] = await Promise.all([listed(customer, query), deps.fleet.counts(customer)]);
    const { origin } = new URL(c.req.url);
    const kept = hrefOf({ ...query, cursor: undefined }, "");
    const saved = <SavedViews views={savedViews(c)} query={kept} />;
    return answerLive(c, {
      title: texts.fleet.title,
      above: (
        <>
          <h1>{texts.fleet.title}</h1>
          {totalOf(counts) > 0 && (
            <MachinesFilter query={query} groups={Object.keys(counts.groups).sort()} saved={saved} />
          )}
        </>
      ),
      page: (
        <MachinesPage
          machines={machines}
          counts={counts}
          query={query}
          customer={customer}
          origin={origin}
          now={deps.now().getTime()}
        />
      ),
    });
  });

  app.get("/machines.csv", customers, async (c) => {
    const { by, cursor: _cursor, ...filter } = queryOf(c);
    const machines = await collect((page) => deps.fleet.list(tenantOf(c), filter, { ...page, by }));
    return answerCsv(c, "machines", machinesCsv(machines));
  });

  app.post("/machines/views", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const query = new URLSearchParams(form.text("query") ?? "");
    const forgotten = form.text("forget");
    saveView(c, forgotten ?? form.text("name") ?? "", forgotten === undefined ? `?${query.toString()}` : undefined);
    return c.redirect(`/machines?${query.toString()}`, 303);
  });

  app.get("/machines/:machine", customers, async (c) => {
    const now = deps.now().getTime();
    const view = await readMachine(deps, tenantOf(c), c.req.param("machine"), now);
    const { machine } = view;
    const page = <MachinePage view={view} now={now} />;
    return answerLive(c, { title: machine.facts.hostname || machine.machine, page });
  });

  /** A machine's id finds that machine; anything else is the begin of a name. */
  async function listed(customer: string, { by, cursor, ...filter }: MachinesQuery): Promise<Page<IndexedMachine>> {
    if (MachineId.safeParse(filter.begins).success) {
      return { items: await deps.fleet.find([{ customer, machine: filter.begins ?? "" }]) };
    }
    return await deps.fleet.list(customer, filter, { by, cursor, limit: 50 });
  }
}

function queryOf(c: Context): MachinesQuery {
  const condition = conditions.find((each) => each === c.req.query("state"));
  const exposed = severities.find((each) => each === c.req.query("exposed"));
  const group = c.req.query("group");
  const begins = c.req.query("q")?.trim().slice(0, 200);
  const cursor = c.req.query("cursor");
  return {
    by: c.req.query("by") === "seen" ? "seen" : "name",
    ...(condition && { condition }),
    ...(exposed && { exposed }),
    ...(group && { group }),
    ...(begins && { begins }),
    ...(cursor && { cursor }),
  };
}
