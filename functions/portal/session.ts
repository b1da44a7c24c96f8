import { createHash } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import type { MembersStore } from "../stores/members.ts";
import { currentSignIn, type SignIn } from "../vendor-api/auth.ts";
import { texts } from "./texts.ts";

/** What the pages know of who looks at them. */
export type PortalEnv = { Variables: { customer: string; signIn: SignIn } };
export type SessionDeps = {
  apiTokens: ApiTokensStore;
  members: MembersStore;
  now: () => Date;
  /** signs sessions (HMAC-SHA256); at least 32 random bytes */
  sessionKey: Uint8Array;
};

const cookieName = "suture-session";
/** A day's work; a token that expires sooner ends it sooner. Milliseconds. */
const sessionLength = 12 * 3600 * 1000;
const audience = "suture-portal";

/** The session names the token by its hash, so that revoking the token ends it at the next click. */
const Session = z.object({ sub: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * Signs a customer's token in.
 * @throws SutureError `unauthorized` for a token that is not good, `forbidden` for one that is not a customer's
 */
export async function signIn(c: Context, token: string, { apiTokens, now, sessionKey }: SessionDeps): Promise<void> {
  const hash = createHash("sha256").update(token.trim()).digest("hex");
  const at = now().getTime();
  const found = await apiTokens.find(hash, at);
  if (found === undefined) throw new SutureError("unauthorized", texts.signIn.wrong);
  if (found.principal.kind !== "customer") throw new SutureError("forbidden", texts.signIn.notCustomer);

  const expires = new Date(Math.min(at + sessionLength, found.expiresAt));
  const session = await new SignJWT()
    .setProtectedHeader({ alg: "HS256" })
    .setAudience(audience)
    .setSubject(hash)
    .setExpirationTime(expires)
    .sign(sessionKey);
  const secure = new URL(c.req.url).protocol === "https:";
  setCookie(c, cookieName, session, { path: "/", httpOnly: true, sameSite: "Strict", secure, expires });
}

/** Ends the session in this browser. The token stays good: it is its owner's to revoke. */
export function signOut(c: Context): void {
  deleteCookie(c, cookieName, { path: "/" });
}

/** Lets in who is signed in, as `signIn` and `customer`; sends anybody else to sign in first. */
export function signedIn(deps: SessionDeps): MiddlewareHandler<PortalEnv> {
  return async (c, next) => {
    const signIn = await sessionSignIn(getCookie(c, cookieName), deps);
    if (signIn?.principal.kind === "customer") {
      c.set("signIn", signIn);
      c.set("customer", signIn.principal.tenant);
      return await next();
    }
    // A page that is open reloads itself, and the reload is sent to sign in
    if (c.req.header("hx-request") !== undefined) return c.body(null, 401, { "hx-refresh": "true" });
    const { pathname, search } = new URL(c.req.url);
    const query = new URLSearchParams({ next: pathname + search }).toString();
    return c.redirect(`/sign-in?${query}`, 303);
  };
}

async function sessionSignIn(cookie: string | undefined, deps: SessionDeps): Promise<SignIn | undefined> {
  if (cookie === undefined) return undefined;
  const options = { algorithms: ["HS256"], audience, currentDate: deps.now() };
  const subject = await jwtVerify(cookie, deps.sessionKey, options).then(
    ({ payload }) => Session.safeParse(payload).data?.sub,
    // Forged, expired or of another key: whoever brings it is simply not signed in
    () => undefined,
  );
  return subject === undefined ? undefined : await currentSignIn(subject, deps);
}
