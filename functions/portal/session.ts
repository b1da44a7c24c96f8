import { createHash, randomBytes } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import type { Principal } from "../../protocol/wire/account.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import type { MembersStore } from "../stores/members.ts";
import { currentSignIn, type SignIn } from "../vendor-api/auth.ts";
import type { PageGate } from "./page-gate.ts";
import { forget, keep, kept } from "./signed-cookie.ts";
import { texts } from "./texts.ts";

export type SessionDeps = {
  apiTokens: ApiTokensStore;
  members: MembersStore;
  now: () => Date;
  /** signs sessions (HMAC-SHA256); at least 32 random bytes */
  sessionKey: Uint8Array;
  /** where browsers find the portal, if not where its requests say */
  publicUrl?: string;
  /** what one tenant may read at once and in a while */
  pageGate: PageGate;
};

const cookieName = "suture-session";
/** How a session's record is shown among the tenant's tokens, where it can be revoked. */
const sessionLabel = "portal session";
/** A day's work; a token that expires sooner ends it sooner. Milliseconds. */
const sessionLength = 12 * 3600 * 1000;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
/**
 * The session names the token by its hash, so that revoking the token, or removing its person, ends it at the next click; and itself by
 * the hash of a record of its own beside the token's, which ends with the sign-out. A cookie of an earlier release has no such record.
 */
const Session = z.object({ sub: Hash, session: Hash.optional() });

/**
 * Begins a session for whomever a token speaks for.
 * @throws SutureError `unauthorized` for a token that is not good
 */
export async function beginSession(c: Context, token: string, deps: SessionDeps): Promise<void> {
  const hash = createHash("sha256").update(token.trim()).digest("hex");
  const at = deps.now().getTime();
  const found = await currentSignIn(hash, deps);
  if (found === undefined) throw new SutureError("unauthorized", texts.signIn.wrong);
  const expiresAt = Math.min(at + sessionLength, found.expiresAt);
  const session = createHash("sha256").update(randomBytes(32)).digest("hex");
  const { principal, user } = found;
  const record = {
    hash: session,
    principal,
    label: sessionLabel,
    createdAt: at,
    expiresAt,
    ...(user !== undefined && { user }),
  };
  await deps.apiTokens.create(record);
  await keep(c, keeperOf(deps, c), { sub: hash, session }, new Date(expiresAt));
}

/** Ends the session, here and wherever else its cookie is. The token that it was begun with stays good: it is its owner's to revoke. */
export async function endSession(c: Context, deps: SessionDeps): Promise<void> {
  const session = (await kept(c, keeperOf(deps, c)))?.session;
  forget(c, cookieName);
  if (session !== undefined) await deps.apiTokens.revoke(session, deps.now().getTime());
}

/**
 * Lets in who is signed in as one of these kinds, as `signIn`; sends anybody else to sign in first.
 * A page of another kind is like one that does not exist: `not-found`. Beyond the limits of pages it is `rate-limited`.
 */
export function only(kinds: readonly Principal["kind"][], deps: SessionDeps): MiddlewareHandler {
  return async (c, next) => {
    const signIn = await sessionOf(c, deps);
    if (signIn !== undefined) {
      c.set("signIn", signIn);
      if (!kinds.includes(signIn.principal.kind)) {
        throw new SutureError("not-found", texts.problem.nothingHere(c.req.path));
      }
      return await deps.pageGate.tenant(signIn.principal, next);
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
  const cookie = await kept(c, keeperOf(deps, c));
  if (cookie === undefined) return undefined;
  const { sub, session } = cookie;
  // Before the database is asked: a refusal must cost less than a page
  deps.pageGate.session(sub);
  const [signIn, record] = await Promise.all([
    currentSignIn(sub, deps),
    session === undefined ? true : deps.apiTokens.find(session, deps.now().getTime()),
  ]);
  return record === undefined ? undefined : signIn;
}

/** The origin under which browsers find the portal: what is set, for behind a proxy requests do not tell. */
export function publicOrigin({ publicUrl }: Pick<SessionDeps, "publicUrl">, c: Context): string {
  return new URL(publicUrl ?? c.req.url).origin;
}

function keeperOf(deps: SessionDeps, c: Context) {
  const isSecure = publicOrigin(deps, c).startsWith("https:");
  return { name: cookieName, schema: Session, key: deps.sessionKey, now: deps.now(), isSecure };
}
