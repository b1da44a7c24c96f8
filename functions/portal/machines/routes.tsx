import type { Hono } from "hono";
import { MachineView } from "../../../protocol/wire/customer.ts";
import { MachineId } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { SavedView } from "../../../protocol/wire/views.ts";
import { conditions } from "../../domain/status.ts";
import { type IndexedMachine, severities } from "../../stores/fleet/rows.ts";
import type { Page, PageRequest } from "../../stores/page.ts";
import { answerCsvInParts, answerLive } from "../answer.tsx";
import { formLimit, readForm } from "../form.ts";
import { may, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { hrefOf, MachinesFilter, MachinesPage, type MachinesQuery, machinesCsv, totalOf } from "./list.tsx";
import { MachinePage } from "./machine.tsx";
import { type MachineStores, readMachine } from "./read.ts";
import { mayShare, readViews, SavedViews } from "./saved-views.tsx";

export function machineRoutes(app: Hono, deps: MachineStores & ServiceDeps): void {
  const customers = only(["customer"], deps);

  app.get("/machines", customers, async (c) => {
    const query = queryOf(new URL(c.req.url).search);
    const customer = tenantOf(c);
    const [machines, counts, views] = await Promise.all([
      listed(customer, query),
      deps.fleet.counts(customer),
      // what asks again is given the list alone
      c.req.header("hx-request") === undefined ? readViews(c, serviceOf(c, deps)) : [],
    ]);
    const { origin } = new URL(c.req.url);
    const kept = hrefOf({ ...query, cursor: undefined }, "");
    const saved = <SavedViews views={views} query={kept} mayShare={mayShare(c)} />;
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
    const { by, cursor: _cursor, ...filter } = queryOf(new URL(c.req.url).search);
    const list = (page: PageRequest) => deps.fleet.list(tenantOf(c), filter, { ...page, by });
    return await answerCsvInParts(c, "machines", list, machinesCsv);
  });

  app.post("/machines/views", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const query = new URLSearchParams(form.text("query") ?? "").toString();
    const [name, scope] = [form.text("forget") ?? form.text("name") ?? "", form.text("scope") ?? "own"];
    const path = tenantPath(c, `/views/${scope}/${encodeURIComponent(name)}`);
    const { cursor: _cursor, condition: state, ...filter } = queryOf(query);
    const service = serviceOf(c, deps);
    if (form.text("forget") !== undefined) await service.call("DELETE", path, SavedView);
    else await service.call("PUT", path, SavedView, { ...filter, ...(state && { state }) });
    return c.redirect(`/machines?${query}`, 303);
  });

  app.get("/machines/:machine", customers, async (c) => {
    const now = deps.now().getTime();
    const view = await readMachine(deps, tenantOf(c), c.req.param("machine"), now);
    const { machine } = view;
    const mayPin = may(c, "PUT", "/v1/customers/:customer/pins/:pin");
    const mayRetire = may(c, "DELETE", "/v1/customers/:customer/machines/:machine");
    const page = <MachinePage view={view} mayPin={mayPin} mayRetire={mayRetire} now={now} />;
    return answerLive(c, { title: machine.facts.hostname || machine.machine, page });
  });

  app.post("/machines/:machine/retire", customers, async (c) => {
    const machine = parseWith(MachineId, c.req.param("machine"), "machine", "not-found");
    await serviceOf(c, deps).call("DELETE", tenantPath(c, `/machines/${machine}`), MachineView);
    return c.redirect(`/machines/${machine}`, 303);
  });

  /** A machine's id finds that machine; anything else is the begin of a name. */
  async function listed(customer: string, { by, cursor, ...filter }: MachinesQuery): Promise<Page<IndexedMachine>> {
    if (MachineId.safeParse(filter.begins).success) {
      return { items: await deps.fleet.find([{ customer, machine: filter.begins ?? "" }]) };
    }
    return await deps.fleet.list(customer, filter, { by, cursor, limit: 50 });
  }
}

/** What an address's query asks for; what makes no sense narrows nothing. */
function queryOf(text: string): MachinesQuery {
  const query = new URLSearchParams(text);
  const condition = conditions.find((each) => each === query.get("state"));
  const exposed = severities.find((each) => each === query.get("exposed"));
  const group = query.get("group");
  const begins = query.get("q")?.trim().slice(0, 200);
  const cursor = query.get("cursor");
  return {
    by: query.get("by") === "seen" ? "seen" : "name",
    ...(condition && { condition }),
    ...(exposed && { exposed }),
    ...(group && { group }),
    ...(begins && { begins }),
    ...(cursor && { cursor }),
  };
}
