import type { Context, Hono } from "hono";
import { CustomerView } from "../../../protocol/wire/customer.ts";
import { Name } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { PinList, PinView } from "../../../protocol/wire/policy.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, type Form, formLimit, given, readForm } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, may, pageQuery, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { PinsPage, pinsCsv } from "./list.tsx";
import { type DraftPin, PinPage } from "./pin.tsx";

export function pinRoutes(app: Hono, deps: ServiceDeps): void {
  const customers = only(["customer"], deps);

  app.get("/pins", customers, async (c) => {
    const path = tenantPath(c, hrefWith("/pins", pageQuery(c)));
    const { pins, cursor } = await serviceOf(c, deps).call("GET", path, PinList);
    const next = cursor && hrefWith("/pins", { cursor });
    const page = <PinsPage pins={pins} mayChange={mayChange(c)} next={next} now={deps.now().getTime()} />;
    return answerPage(c, { title: texts.pins.title, page });
  });

  app.get("/pins.csv", customers, async (c) => {
    const pins = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/pins${query}`), PinList);
      return { items: answer.pins, cursor: answer.cursor };
    });
    return answerCsv(c, "pins", pinsCsv(pins));
  });

  // A patch's or a machine's page leads here with what it knows
  app.get("/pins/new", customers, (c) => {
    const { patch, machine, group } = c.req.query();
    return show(c, { name: "", ...given({ patch, machine, group }) }, { isNew: true });
  });

  app.get("/pins/:pin", customers, async (c) => {
    const name = parseWith(Name, c.req.param("pin"), "pin", "not-found");
    const pin = await serviceOf(c, deps).call("GET", tenantPath(c, `/pins/${name}`), PinView);
    return show(c, pin, { isNew: false });
  });

  app.post("/pins", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const { name, ...terms } = pinOf(form);
    return await attempt(
      async () => {
        const path = tenantPath(c, `/pins/${parseWith(Name, name, texts.pins.fields.name)}`);
        await serviceOf(c, deps).call("PUT", path, PinView, terms);
        return c.redirect("/pins", 303);
      },
      (refusal) => show(c, { name, ...terms }, { isNew: form.text("known") === undefined, refusal: refusal.message }),
    );
  });

  app.post("/pins/:pin/end", customers, formLimit, async (c) => {
    const name = parseWith(Name, c.req.param("pin"), "pin", "not-found");
    await serviceOf(c, deps).call("DELETE", tenantPath(c, `/pins/${name}`), PinView);
    return c.redirect("/pins", 303);
  });

  async function show(c: Context, pin: DraftPin, { isNew, refusal }: { isNew: boolean; refusal?: string }) {
    const { groups } = await serviceOf(c, deps).call("GET", tenantPath(c, ""), CustomerView);
    const more = { isNew, groups: Object.keys(groups), mayChange: mayChange(c), refusal };
    const title = isNew ? texts.pins.newTitle : pin.name;
    return answerPage(c, { title, page: <PinPage pin={pin} {...more} /> });
  }
}

/** The pin that a form says; a day and time without a zone is in UTC. */
function pinOf({ text, number }: Form): DraftPin {
  const until = text("until");
  return {
    name: text("name") ?? "",
    newest: number("newest") ?? null,
    ...given({
      patch: text("patch"),
      group: text("group"),
      machine: text("machine"),
      reason: text("reason"),
      until: until && (until.endsWith("Z") ? until : `${until.slice(0, 16)}:00Z`),
    }),
  };
}

const mayChange = (c: Context) => may(c, "PUT", "/v1/customers/:customer/pins/:pin");
