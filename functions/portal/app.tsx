import type { OpenAPIHono } from "@hono/zod-openapi";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { csrf } from "hono/csrf";
import { SutureError } from "../../protocol/errors.ts";
import { answerError } from "./answer.tsx";
import { portalAssets, serveAssets } from "./assets.ts";
import type { FleetStores } from "./machines/fleet.ts";
import { machineRoutes } from "./machines/routes.tsx";
import { navigation } from "./navigation.ts";
import { patchRoutes } from "./patches/routes.tsx";
import { browserPolicy } from "./security.ts";
import { only, type SessionDeps } from "./session.ts";
import { signInRoutes } from "./sign-in/routes.tsx";
import { texts } from "./texts.ts";

export type PortalDeps = FleetStores &
  SessionDeps & {
    /** vendor-api, which knows who may see and do what */
    service: OpenAPIHono;
  };

/** The pages that people see. A plain value: the local server mounts it last, a Lambda handles it. */
export function portal(deps: PortalDeps): Hono {
  const app = new Hono();
  app.onError(answerError);
  app.use(browserPolicy());
  app.use(compress());
  // A form counts that the browser says comes from here, by Sec-Fetch-Site or by Origin
  app.use(csrf());
  app.get("/assets/:name", serveAssets(portalAssets));

  signInRoutes(app, deps);
  app.get("/", only(["customer", "vendor", "operator"], deps), (c) => {
    const [first] = navigation[c.get("signIn").principal.kind].flat();
    if (first === undefined) throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
    return c.redirect(first.href, 303);
  });
  machineRoutes(app, deps);
  patchRoutes(app, deps);
  app.all("*", (c) => {
    throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
  });
  return app;
}
