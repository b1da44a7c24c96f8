import type { Context, Hono } from "hono";
import { SubscriptionList, UsageList } from "../../../protocol/wire/subscriptions.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, kindOf, pageQuery, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { subscriptionsCsv, UsagePage, usageCsv } from "./page.tsx";

export function usageRoutes(app: Hono, deps: ServiceDeps): void {
  const tenants = only(["customer", "vendor"], deps);

  app.get("/usage", tenants, async (c) => {
    const path = tenantPath(c, hrefWith("/subscriptions", pageQuery(c)));
    const [usage, { subscriptions, cursor }] = await Promise.all([
      everyUsage(c),
      serviceOf(c, deps).call("GET", path, SubscriptionList),
    ]);
    const shown = { usage, subscriptions, next: cursor, now: deps.now().getTime() };
    const page = <UsagePage kind={kindOf(c)} tenant={tenantOf(c)} {...shown} />;
    return answerPage(c, { title: texts.usage.title, page });
  });

  app.get("/usage.csv", tenants, async (c) => answerCsv(c, "usage", usageCsv(await everyUsage(c))));

  app.get("/subscriptions.csv", tenants, async (c) => {
    const subscriptions = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/subscriptions${query}`), SubscriptionList);
      return { items: answer.subscriptions, cursor: answer.cursor };
    });
    return answerCsv(c, "subscriptions", subscriptionsCsv(subscriptions));
  });

  function everyUsage(c: Context) {
    return everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/usage${query}`), UsageList);
      return { items: answer.usage, cursor: answer.cursor };
    });
  }
}
