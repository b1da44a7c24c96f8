import type { Context, Hono } from "hono";
import { SubscriptionList } from "../../../protocol/wire/subscriptions.ts";
import { SupportReport } from "../../../protocol/wire/support.ts";
import type { SupportStore } from "../../stores/support.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, pageQuery, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { supportedBy } from "./matrix.ts";
import { coverageIn, SupportPage, supportCsv } from "./page.tsx";

type Deps = ServiceDeps & { support: SupportStore };

export function supportRoutes(app: Hono, deps: Deps): void {
  const customers = only(["customer"], deps);

  app.get("/support", customers, async (c) => {
    const { cursor: from } = pageQuery(c);
    const path = tenantPath(c, hrefWith("/support", { limit: "100", cursor: from }));
    const [{ machines, cursor }, subscriptions] = await Promise.all([
      serviceOf(c, deps).call("GET", path, SupportReport),
      everySubscription(c),
    ]);
    const supported = await supportedBy(subscriptions, deps.support);
    const page = (
      <SupportPage
        machines={machines}
        only={coverageIn(c.req.query("coverage"))}
        next={cursor}
        isFirst={from === undefined}
        supported={supported}
        now={deps.now().getTime()}
      />
    );
    return answerPage(c, { title: texts.support.title, page });
  });

  app.get("/support.csv", customers, async (c) => {
    const machines = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/support${query}`), SupportReport);
      return { items: answer.machines, cursor: answer.cursor };
    });
    return answerCsv(c, "support", supportCsv(machines, coverageIn(c.req.query("coverage"))));
  });

  function everySubscription(c: Context) {
    return everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/subscriptions${query}`), SubscriptionList);
      return { items: answer.subscriptions, cursor: answer.cursor };
    });
  }
}
