import { createHash } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import type { Principal } from "../../protocol/wire/account.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import type { MembersStore } from "../stores/members.ts";
import { currentSignIn, type SignIn } from "../vendor-api/auth.ts";
import { forget, keep, kept } from "./signed-cookie.ts";
import { texts } from "./texts.ts";

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

/** The session names the token by its hash, so that revoking the token, or letting its person go, ends it at the next click. */
const Session = z.object({ sub: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * Begins a session for whomever a token speaks for.
 * @throws SutureError `unauthorized` for a token that is not good
 */
export async function beginSession(c: Context, token: string, deps: SessionDeps): Promise<void> {
  const hash = createHash("sha256").update(token.trim()).digest("hex");
  const at = deps.now().getTime();
  const found = await currentSignIn(hash, deps);
  if (found === undefined) throw new SutureError("unauthorized", texts.signIn.wrong);
  const expires = new Date(Math.min(at + sessionLength, found.expiresAt));
  await keep(c, keeperOf(deps), { sub: hash }, expires);
}

/** Ends the session in this browser. The token stays good: it is its owner's to revoke. */
export function endSession(c: Context): void {
  forget(c, cookieName);
}

/**
 * Lets in who is signed in as one of these kinds, as `signIn`; sends anybody else to sign in first.
 * A page of another kind is like one that does not exist: `not-found`.
 */
export function only(kinds: readonly Principal["kind"][], deps: SessionDeps): MiddlewareHandler {
  return async (c, next) => {
    const signIn = await sessionOf(c, deps);
    if (signIn !== undefined) {
      c.set("signIn", signIn);
      if (!kinds.includes(signIn.principal.kind)) {
        throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
      }
      return await next();
    }
    // A page that is open reloads itself, and the reload is sent to sign in
    if (c.req.header("hx-request") !== undefined) return c.body(null, 401, { "hx-refresh": "true" });
    const { pathname, search } = new URL(c.req.url);
    const query = new URLSearchParams({ next: pathname + search }).toString();
    return c.redirect(`/sign-in?${query}`, 303);
  };
}

/** The customer, or the vendor, that looks at a page. */
export function tenantOf(c: Context): string {
  return c.get("signIn").principal.tenant;
}

/** Whoever's session a browser brings; nobody's where it is forged or over, or its token or its person is gone. */
export async function sessionOf(c: Context, deps: SessionDeps): Promise<SignIn | undefined> {
  const session = await kept(c, keeperOf(deps));
  return session && (await currentSignIn(session.sub, deps));
}

function keeperOf({ sessionKey, now }: SessionDeps) {
  return { name: cookieName, schema: Session, key: sessionKey, now: now() };
}
