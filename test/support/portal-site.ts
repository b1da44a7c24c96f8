import { OpenAPIHono } from "@hono/zod-openapi";
import { describeService } from "../../functions/openapi.ts";
import { apiDocs } from "../../functions/portal/api-docs.tsx";
import { openProvider } from "../../functions/portal/sign-in/provider.ts";
import { type LocalPerson, startIdentity } from "../../infra/local/identity.ts";
import { listen } from "../../infra/local/listen.ts";
import { startPortal } from "./portal.ts";
import { operators, people } from "./portal-account.ts";

export type PortalSite = Awaited<ReturnType<typeof startPortalSite>>;

/** The portal and the API's pages on a port of the loopback, and beside them a real identity provider that knows `people`. */
export async function startPortalSite() {
  const server = await listen(0);
  const known = Object.values(people).map(
    (email): LocalPerson => ({ email, groups: email === people.service ? [operators] : [] }),
  );
  const identity = await startIdentity({ portalUrl: server.url, people: known, port: 0 });
  const portal = await startPortal({ now: () => new Date(), provider: openProvider(identity) });
  const app = new OpenAPIHono();
  app.route("/", portal.service);
  app.route("/docs", apiDocs());
  describeService(app);
  app.route("/", portal.app);
  server.serve(app.fetch);

  async function stop(): Promise<void> {
    await server.close();
    await identity.stop();
    await portal.stop();
  }
  return { url: server.url, identity, portal, stop };
}
