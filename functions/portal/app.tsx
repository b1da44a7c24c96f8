import { Hono } from "hono";
import { compress } from "hono/compress";
import { csrf } from "hono/csrf";
import { SutureError } from "../../protocol/errors.ts";
import type { SupportStore } from "../stores/support.ts";
import { answerError } from "./answer.tsx";
import { portalAssets, serveAssets } from "./assets.ts";
import { auditRoutes } from "./audit/routes.tsx";
import { type HealthDeps, healthRoutes } from "./health/routes.tsx";
import type { MachineStores } from "./machines/read.ts";
import { machineRoutes } from "./machines/routes.tsx";
import { overviewRoutes } from "./overview/routes.tsx";
import { PageGate, type PageLimits, usualPageLimits } from "./page-gate.ts";
import { patchRoutes } from "./patches/routes.tsx";
import { peopleRoutes } from "./people/routes.tsx";
import { pinRoutes } from "./pins/routes.tsx";
import { policyRoutes } from "./policies/routes.tsx";
import { productRoutes } from "./products/routes.tsx";
import { publishedRoutes } from "./published/routes.tsx";
import { reportRoutes } from "./report/routes.tsx";
import { rolloutRoutes } from "./rollouts/routes.tsx";
import { browserPolicy } from "./security.ts";
import type { ServiceDeps } from "./service.ts";
import { publicOrigin } from "./session.ts";
import { type SignInDeps, signInRoutes } from "./sign-in/routes.tsx";
import { supportRoutes } from "./support/routes.tsx";
import { tenantRoutes } from "./tenants/routes.tsx";
import { texts } from "./texts.ts";
import { tokenRoutes } from "./tokens/routes.tsx";
import { usageRoutes } from "./usage/routes.tsx";

type PortalDeps = MachineStores & ServiceDeps & SignInDeps & HealthDeps & { support: SupportStore };

type Given = Omit<PortalDeps, "pageGate"> & {
  /** where they are not the usual ones */
  pageLimits?: PageLimits;
};

/** The pages that people see. A plain value: the local server mounts it last, a Lambda handles it. */
export function portal({ pageLimits = usualPageLimits, ...given }: Given): Hono {
  const app = new Hono();
  const deps: PortalDeps = { ...given, pageGate: new PageGate(pageLimits, () => given.now().getTime()) };
  app.onError(answerError);
  app.use(browserPolicy());
  app.use(compress());
  // A form counts that the browser says comes from here, by Sec-Fetch-Site or by Origin
  app.use(csrf({ origin: (origin, c) => origin === publicOrigin(deps, c) }));
  app.get("/assets/:name", serveAssets(portalAssets));

  signInRoutes(app, deps);
  overviewRoutes(app, deps);
  machineRoutes(app, deps);
  patchRoutes(app, deps);
  rolloutRoutes(app, deps);
  reportRoutes(app, deps);
  policyRoutes(app, deps);
  pinRoutes(app, deps);
  supportRoutes(app, deps);
  tokenRoutes(app, deps);
  peopleRoutes(app, deps);
  usageRoutes(app, deps);
  auditRoutes(app, deps);
  publishedRoutes(app, deps);
  productRoutes(app, deps);
  tenantRoutes(app, deps);
  healthRoutes(app, deps);
  app.all("*", (c) => {
    throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
  });
  return app;
}
