import type { OpenAPIHono } from "@hono/zod-openapi";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { csrf } from "hono/csrf";
import { HTTPException } from "hono/http-exception";
import type { JSX } from "hono/jsx/jsx-runtime";
import { SutureError } from "../../protocol/errors.ts";
import { toProblem } from "../../protocol/wire/problem.ts";
import { answerProblem, tooLarge } from "../problem.ts";
import { etagOf, hasEtag, portalAssets, serveAssets } from "./assets.ts";
import { type FleetStores, readFleet, readMachine } from "./fleet.ts";
import { Layout } from "./layout.tsx";
import { type FleetFilter, FleetFilterForm, FleetPage, hrefOf } from "./pages/fleet.tsx";
import { MachinePage } from "./pages/machine.tsx";
import { PatchPage } from "./pages/patch.tsx";
import { PatchesPage } from "./pages/patches.tsx";
import { ProblemPage } from "./pages/problem.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { browserPolicy } from "./security.ts";
import { type PortalEnv, type SessionDeps, signedIn, signIn, signOut } from "./session.ts";
import { conditions } from "./status.ts";
import { texts } from "./texts.ts";

export type PortalDeps = FleetStores &
  SessionDeps & {
    /** vendor-api, which knows who may see and do what */
    service: OpenAPIHono;
  };

/** A form of this service is never larger. Bytes. */
const maxForm = 16 * 1024;

/** The pages that people see. A plain value: the local server mounts it last, a Lambda handles it. */
export function portal(deps: PortalDeps): Hono<PortalEnv> {
  const app = new Hono<PortalEnv>();
  const session = signedIn(deps);
  const moment = () => deps.now().getTime();

  app.onError(answerError);
  app.use(browserPolicy());
  app.use(compress());
  app.use(csrf());
  app.get("/assets/:name", serveAssets(portalAssets));

  app.get("/sign-in", (c) => answerSignIn(c, { next: localPath(c, c.req.query("next")) }));
  app.post("/sign-in", bodyLimit({ maxSize: maxForm, onError: tooLarge }), async (c) => {
    const { token, next } = await c.req.parseBody();
    const target = localPath(c, next);
    try {
      await signIn(c, typeof token === "string" ? token : "", deps);
    } catch (error) {
      if (!(error instanceof SutureError) || error.status >= 500) throw error;
      return answerSignIn(c, { next: target, refusal: error.message }, error.status as 401);
    }
    return c.redirect(target, 303);
  });
  app.post("/sign-out", (c) => {
    signOut(c);
    return c.redirect("/sign-in", 303);
  });

  app.get("/", session, async (c) => {
    const customer = c.get("customer");
    const filter = filterOf(c);
    const now = moment();
    const fleet = await readFleet(deps, customer, now);
    const { origin } = new URL(c.req.url);
    return answerLive(c, {
      title: texts.fleet.title,
      href: hrefOf(filter),
      above: fleet.machines.length > 0 && <FleetFilterForm filter={filter} />,
      page: <FleetPage fleet={fleet} filter={filter} customer={customer} origin={origin} now={now} />,
    });
  });
  app.get("/machines/:machine", session, async (c) => {
    const now = moment();
    const view = await readMachine(deps, c.get("customer"), c.req.param("machine"), now);
    const { machine } = view;
    const page = <MachinePage view={view} now={now} />;
    return answerLive(c, { title: machine.facts.hostname || machine.machine, href: c.req.path, page });
  });
  app.get("/patches", session, async (c) => {
    const customer = c.get("customer");
    const now = moment();
    const fleet = await readFleet(deps, customer, now);
    const page = <PatchesPage fleet={fleet} customer={customer} now={now} />;
    return answerLive(c, { title: texts.patches.title, href: c.req.path, page });
  });
  app.get("/patches/:vendor/:product/:channel/:patch", session, async (c) => {
    const { vendor, product, channel, patch: name } = c.req.param();
    const id = [vendor, product, channel, name].join("/");
    const now = moment();
    const { machines, patches } = await readFleet(deps, c.get("customer"), now);
    const patch = patches.find((each) => each.id === id);
    if (patch === undefined) throw new SutureError("not-found", "There is no such patch in your account.");
    const page = <PatchPage patch={patch} machines={machines} now={now} />;
    return answerLive(c, { title: patch.manifest.title, href: c.req.path, page });
  });
  app.all("*", (c) => {
    throw new SutureError("not-found", `There is nothing at ${c.req.path}`);
  });
  return app;
}

type LivePage = { title: string; href: string; page: JSX.Element; above?: JSX.Element | false };

/** Answers a page, or to the page itself when it asks again: what changed, or that nothing did. */
async function answerLive(c: Context<PortalEnv>, { title, href, page, above }: LivePage) {
  const html = String(await page);
  const etag = etagOf(html);
  c.header("cache-control", "no-store");
  c.header("vary", "hx-request");
  if (c.req.header("hx-request") !== undefined) {
    c.header("etag", etag);
    return hasEtag(c, etag) ? c.body(null, 304) : c.html(html);
  }
  const nav = { account: c.get("customer"), path: c.req.path };
  return answerHtml(
    c,
    <Layout title={title} nav={nav} live={{ html, etag, href }}>
      {above}
    </Layout>,
  );
}

function answerSignIn(c: Context, page: { next: string; refusal?: string }, status: 200 | 401 = 200) {
  c.header("cache-control", "no-store");
  return answerHtml(
    c,
    <Layout title={texts.signIn.title}>
      <SignInPage {...page} />
    </Layout>,
    status,
  );
}

/** Errors are pages for people and problem details for programs. */
function answerError(error: Error, c: Context) {
  const refusal = error instanceof HTTPException && error.status === 403;
  const known = refusal ? new SutureError("forbidden", texts.problem.crossSite, { cause: error }) : error;
  const wantsPage = c.req.header("accept")?.includes("text/html") && c.req.header("hx-request") === undefined;
  if (!wantsPage) return answerProblem(known, c);
  const problem = toProblem(known);
  if (problem.status >= 500) console.error(error);
  c.header("cache-control", "no-store");
  return answerHtml(
    c,
    <Layout title={problem.title}>
      <ProblemPage problem={problem} />
    </Layout>,
    problem.status as 400,
  );
}

async function answerHtml(c: Context, page: JSX.Element, status: 200 | 400 | 401 = 200) {
  return c.html(`<!doctype html>${await page}`, status);
}

function filterOf(c: Context): FleetFilter {
  const state = c.req.query("state");
  return { text: c.req.query("q")?.slice(0, 200) ?? "", condition: conditions.find((each) => each === state) };
}

/** Where to go after the sign-in: a path of this site, whatever the address asked for. */
function localPath(c: Context, next: unknown): string {
  const { origin } = new URL(c.req.url);
  const target = typeof next === "string" && URL.canParse(next, origin) ? new URL(next, origin) : undefined;
  // Two slashes at the beginning would name another host
  return target?.origin === origin ? target.pathname.replace(/^\/+/, "/") + target.search : "/";
}
