import type { Context, Hono } from "hono";
import { SutureError } from "../../../protocol/errors.ts";
import { answerLive } from "../answer.tsx";
import { navigation } from "../navigation.ts";
import { type PatchStores, readCounted } from "../patches/read.ts";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { OverviewPage } from "./page.tsx";

/** Where whoever signs in begins: a customer with the overview, the others with the first of their pages. */
export function overviewRoutes(app: Hono, deps: PatchStores & SessionDeps): void {
  app.get("/", only(["customer", "vendor", "operator"], deps), async (c) => {
    const { kind } = c.get("signIn").principal;
    return kind === "customer" ? await overview(c) : toFirst(c);
  });

  async function overview(c: Context) {
    const page = <OverviewPage {...(await readCounted(deps, tenantOf(c)))} />;
    return await answerLive(c, { title: texts.overview.title, page });
  }
}

function toFirst(c: Context) {
  const [first] = navigation[c.get("signIn").principal.kind].flat();
  if (first === undefined) throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
  return c.redirect(first.href, 303);
}
