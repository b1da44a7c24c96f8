import type { Context, Hono } from "hono";
import { z } from "zod";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { Principal } from "../../../protocol/wire/account.ts";
import { User } from "../../../protocol/wire/members.ts";
import { failedAuthLimit } from "../../failed-auth-limit.ts";
import type { IdentityProvidersStore } from "../../stores/identity-providers.ts";
import { issueApiToken } from "../../vendor-api/tokens.ts";
import { answerPage } from "../answer.tsx";
import { formLimit, readForm } from "../form.ts";
import { beginSession, endSession, publicOrigin, type SessionDeps, sessionOf } from "../session.ts";
import { forget, keep, kept } from "../signed-cookie.ts";
import { texts } from "../texts.ts";
import { PlacesPage, SignedOutPage, SignInPage } from "./page.tsx";
import { placesOf, tenantIn } from "./places.ts";
import { Checks, type Provider } from "./provider.ts";

export type SignInDeps = SessionDeps & {
  identityProviders: IdentityProvidersStore;
  random: (bytes: number) => Uint8Array;
  /** the service's own identity provider; without one people sign in with tokens */
  provider?: Provider;
  /** what our own CDN sends along (viewer-address.ts); undefined where there is none */
  edgeKey?: string | undefined;
};

/** A day's work: groups are looked at again at the next sign-in. */
const signInHours = 12;
/** How long somebody may take at the provider, or to choose. Milliseconds. */
const patience = 15 * 60_000;
const journey = "suture-sign-in";
const choice = "suture-choice";
const Journey = Checks.extend({ next: z.string(), tenant: z.string() });
const Choice = z.object({ user: User, places: z.array(Principal), next: z.string() });

/** How people come in and leave. */
export function signInRoutes(app: Hono, deps: SignInDeps): void {
  const keeper = <S extends z.ZodType>(c: Context, name: string, schema: S) => {
    const isSecure = publicOrigin(deps, c).startsWith("https:");
    return { name, schema, key: deps.sessionKey, now: deps.now(), isSecure };
  };
  const soon = () => new Date(deps.now().getTime() + patience);
  const callback = (c: Context) => `${publicOrigin(deps, c)}/sign-in/callback`;

  app.use("/sign-in/*", failedAuthLimit({ now: () => deps.now().getTime(), edgeKey: deps.edgeKey }));
  app.get("/sign-in", (c) => answerSignIn(c, { next: localPath(c, c.req.query("next")) }));

  app.post("/sign-in", formLimit, async (c) => {
    const form = await readForm(c);
    const next = localPath(c, form.text("next"));
    try {
      await beginSession(c, form.text("token") ?? "", deps);
    } catch (error) {
      if (!isSutureError(error) || error.status >= 500) throw error;
      return answerSignIn(c, { next, refusal: error.message }, error.status as 401);
    }
    return c.redirect(next, 303);
  });

  app.get("/sign-in/provider", async (c) => {
    const { url, checks } = await provider().begin(callback(c));
    const tenant = c.req.query("tenant") ?? "";
    await keep(c, keeper(c, journey, Journey), { ...checks, next: localPath(c, c.req.query("next")), tenant }, soon());
    return c.redirect(url.href, 303);
  });

  app.get("/sign-in/callback", async (c) => {
    const begun = await kept(c, keeper(c, journey, Journey));
    forget(c, journey);
    if (begun === undefined) throw new SutureError("unauthorized", texts.signIn.notTaken);
    const { next, tenant, ...checks } = begun;
    const person = await provider().finish(new URL(callback(c) + new URL(c.req.url).search), checks);
    const { members, identityProviders } = deps;
    const places = await placesOf(person, provider().config, tenantIn(tenant), {
      members,
      identityProviders,
      now: deps.now().getTime(),
    });
    const [only] = places;
    if (only === undefined) throw new SutureError("forbidden", texts.signIn.nowhere(person.user));
    const isTheirs = (place: Principal) => `${place.kind}/${place.tenant}` === tenant;
    const wanted = places.length === 1 ? only : places.find(isTheirs);
    if (wanted !== undefined) return await enter(c, person.user, wanted, next);
    await keep(c, keeper(c, choice, Choice), { user: person.user, places, next }, soon());
    return answerPage(c, { title: texts.signIn.title, page: <PlacesPage places={places} /> });
  });

  app.post("/sign-in/choose", formLimit, async (c) => {
    const chosen = (await readForm(c)).text("place");
    const offered = await kept(c, keeper(c, choice, Choice));
    forget(c, choice);
    const place = offered?.places.find(({ kind, tenant }) => `${kind}/${tenant}` === chosen);
    if (offered === undefined || place === undefined) throw new SutureError("unauthorized", texts.signIn.notTaken);
    return await enter(c, offered.user, place, offered.next);
  });

  app.post("/sign-out", async (c) => {
    const signIn = await sessionOf(c, deps);
    await endSession(c, deps);
    // A person's token was made for this session alone; any other is its owner's to revoke
    if (signIn?.user !== undefined) await deps.apiTokens.revoke(signIn.token, deps.now().getTime());
    return c.redirect("/signed-out", 303);
  });

  app.get("/signed-out", async (c) => {
    // That the provider cannot be asked keeps nobody from being signed out here
    const leave = await deps.provider?.leave(`${publicOrigin(deps, c)}/sign-in`).catch(() => undefined);
    return answerPage(c, { title: texts.signIn.out, page: <SignedOutPage leave={leave} /> });
  });

  function provider(): Provider {
    if (deps.provider === undefined) throw new SutureError("not-found", texts.signIn.noProvider);
    return deps.provider;
  }

  function answerSignIn(c: Context, page: { next: string; refusal?: string }, status: 200 | 401 = 200) {
    return answerPage(c, {
      title: texts.signIn.title,
      page: <SignInPage {...page} hasProvider={deps.provider !== undefined} />,
      status,
    });
  }

  async function enter(c: Context, user: string, place: Principal, next: string) {
    const { token } = await issueApiToken(place, { label: user, user, expiresInHours: signInHours }, deps);
    await beginSession(c, token, deps);
    return c.redirect(next, 303);
  }
}

/** Where to go after the sign-in: a path of this site, whatever the address asked for. */
function localPath(c: Context, next: unknown): string {
  const { origin } = new URL(c.req.url);
  const target = typeof next === "string" && URL.canParse(next, origin) ? new URL(next, origin) : undefined;
  // Two slashes at the beginning would name another host
  return target?.origin === origin ? target.pathname.replace(/^\/+/, "/") + target.search : "/";
}
