import type { Context, Hono } from "hono";
import { VendorList } from "../../../protocol/wire/vendor.ts";
import type { QueueGauge } from "../../jobs/queue.ts";
import { serviceRepository } from "../../jobs/service-repository.ts";
import type { Blobs } from "../../stores/blobs/blobs.ts";
import type { ChangesStore } from "../../stores/changes.ts";
import type { RepositoriesStore } from "../../stores/repositories.ts";
import type { RolesStore } from "../../stores/roles.ts";
import { answerCsv, answerLive, answerPage } from "../answer.tsx";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, pageQuery, type ServiceDeps, serviceOf } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { ExpiriesPage, expiriesCsv } from "./expiries.tsx";
import { HealthPage, healthCsv } from "./page.tsx";
import { announcedPlanKeys, healthOf, signedRoles } from "./repositories.ts";

export type HealthDeps = ServiceDeps & {
  changes: ChangesStore;
  repositories: RepositoriesStore;
  roles: RolesStore;
  blobs: Blobs;
  /** the publish queue, to be looked at */
  queue: QueueGauge;
};

/** A page reads each repository's row, or each of its roles. */
const perPage = "50";

export function healthRoutes(app: Hono, deps: HealthDeps): void {
  const operators = only(["operator"], deps);
  const now = () => deps.now().getTime();

  app.get("/health", operators, async (c) => {
    const [{ names, next }, waiting, changes] = await Promise.all([
      namesOnPage(c),
      deps.queue.waiting(),
      deps.changes.read({ consistent: false }),
    ]);
    const repositories = await healthOf(names, deps.repositories);
    const page = <HealthPage {...{ waiting, changes, repositories, next, now: now() }} />;
    return answerLive(c, { title: texts.health.title, page });
  });

  app.get("/health.csv", operators, async (c) =>
    answerCsv(c, "health", healthCsv(await healthOf(await everyName(c), deps.repositories), now())),
  );

  app.get("/expiries", operators, async (c) => {
    const { names, next } = await namesOnPage(c);
    const [roles, planKeys] = await Promise.all([
      signedRoles(names, deps.roles),
      announcedPlanKeys(deps.roles, deps.blobs),
    ]);
    const page = <ExpiriesPage {...{ roles, planKeys, next, now: now() }} />;
    return answerPage(c, { title: texts.expiries.title, page });
  });

  app.get("/expiries.csv", operators, async (c) =>
    answerCsv(c, "expiries", expiriesCsv(await signedRoles(await everyName(c), deps.roles), now())),
  );

  /** The service's own repository stands on the first page, before the vendors'. */
  async function namesOnPage(c: Context): Promise<{ names: string[]; next: string | undefined }> {
    const { cursor: from } = pageQuery(c);
    const path = hrefWith("/v1/vendors", { limit: perPage, cursor: from });
    const { vendors, cursor } = await serviceOf(c, deps).call("GET", path, VendorList);
    const names = vendors.map(({ vendor }) => vendor);
    return { names: from === undefined ? [serviceRepository, ...names] : names, next: cursor };
  }

  async function everyName(c: Context): Promise<string[]> {
    const vendors = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", `/v1/vendors${query}`, VendorList);
      return { items: answer.vendors, cursor: answer.cursor };
    });
    return [serviceRepository, ...vendors.map(({ vendor }) => vendor)];
  }
}
