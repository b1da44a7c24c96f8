import { createHash } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import { ApiTokenText, type Area, Principal, type Scope } from "../../protocol/wire/account.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { ApiToken } from "../stores/api-tokens.ts";
import { access, type Method, open, type Party } from "./access.ts";
import type { VendorApiDeps } from "./deps.ts";
import { innerSignIn } from "./inner.ts";

/** Whoever sent a request, as its token says. Times are milliseconds since the epoch. */
export type SignIn = {
  principal: Principal;
  /** hash of the token */
  token: string;
  label: string;
  user?: string;
  scopes?: Scope[];
  expiresAt: number;
};

declare module "hono" {
  interface ContextVariableMap {
    signIn: SignIn;
    /** the path of the access table that a request is on */
    route?: string;
    /** a route for those who have no token yet */
    isOpen?: true;
  }
}

/**
 * Puts the one check of tenant and role before every route. To be called before the routes are added.
 * Requests end with `unauthorized`, `not-found` (another's tenant, as if there were none), `forbidden`, `method-not-allowed`.
 */
export function guard(app: OpenAPIHono, deps: Pick<VendorApiDeps, "apiTokens" | "members" | "now">): void {
  for (const [path, { area, grants, ...methods }] of Object.entries(access)) {
    app.all(path, async (c, next) => {
      // Of two rules that fit a path the first counts: machines/bulk is no machine
      if (c.get("signIn") !== undefined) return await next();
      const signIn = innerSignIn(c) ?? (await authenticate(c.req.header("authorization"), deps));
      refuseOtherTenants(signIn.principal, c.req.param());
      const method = (c.req.method === "HEAD" ? "GET" : c.req.method) as Method;
      const parties = methods[method];
      if (parties === undefined) throw notAllowed(c.req.path, Object.keys(methods));
      refuseOtherRoles(signIn.principal, parties);
      refuseBeyondScopes(signIn.scopes, area, method);
      if (grants && method !== "GET") refuseToGrantMore(signIn, undefined);
      c.set("signIn", signIn);
      c.set("route", path);
      await next();
    });
  }
  for (const [path, method] of Object.entries(open)) {
    app.all(path, async (c, next) => {
      if (c.req.method !== method) throw notAllowed(c.req.path, [method]);
      c.set("isOpen", true);
      await next();
    });
  }
  app.use("/v1/*", async (c, next) => {
    if (c.get("signIn") === undefined && !c.get("isOpen")) {
      throw new SutureError("not-found", `There is nothing at ${c.req.path}`);
    }
    await next();
  });
}

/** Whether a sign-in may do this to its own tenant, by the table alone: for whoever shows what can be done. @param route as in `access` */
export function mayDo({ principal, scopes }: SignIn, method: Method, route: string): boolean {
  const rule = access[route];
  const isParty = rule?.[method]?.some((party) => party === `${principal.kind} ${principal.role}`) ?? false;
  if (rule === undefined || !isParty || !isInScopes(scopes, rule.area, method)) return false;
  return rule.grants !== true || method === "GET" || scopes === undefined;
}

/**
 * Nobody grants more than they have: a token that is limited to scopes gives away those, or parts of them, and nothing without limits.
 * @param wanted the scopes of what is granted; undefined where it has no limits
 * @throws SutureError `forbidden`
 */
export function refuseToGrantMore({ scopes: own }: Pick<SignIn, "scopes">, wanted: readonly Scope[] | undefined): void {
  if (own === undefined) return;
  if (wanted?.every((scope) => own.includes(scope) || own.includes(scope.replace(":read", ":write") as Scope))) return;
  throw new SutureError("forbidden", `This token is limited to ${own.join(", ")}, and cannot grant more than that`);
}

/** What is said of a tenant that does not exist, and of one that belongs to another: they must not differ. */
export function noSuch(kind: "vendor" | "customer", name: string): SutureError {
  return new SutureError("not-found", `There is no ${kind} ${name}, or it is not yours`);
}

/** SHA-256 of a secret, under which alone it is kept. In hexadecimal. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

async function authenticate(
  header: string | undefined,
  deps: Pick<VendorApiDeps, "apiTokens" | "members" | "now">,
): Promise<SignIn> {
  const [scheme, text, ...rest] = header?.trim().split(/ +/) ?? [];
  if (scheme?.toLowerCase() !== "bearer" || rest.length > 0 || !ApiTokenText.safeParse(text).success) {
    throw new SutureError("unauthorized", "Send `Authorization: Bearer` with an API token, suture-api.SECRET");
  }
  const signIn = await currentSignIn(hashOf(text ?? ""), deps);
  if (signIn === undefined) throw new SutureError("unauthorized", "The API token is unknown, revoked or expired");
  return signIn;
}

/**
 * Whom a token speaks for now, by the token's hash; undefined where it is unknown, revoked or expired, or the person has left.
 * @throws SutureError `unauthorized` for a role that there is not any more
 */
export async function currentSignIn(
  token: string,
  { apiTokens, members, now }: Pick<VendorApiDeps, "apiTokens" | "members" | "now">,
): Promise<SignIn | undefined> {
  const found = await apiTokens.find(token, now().getTime());
  const stored = found && (await currentPrincipal(found, members));
  if (found === undefined || stored === undefined) return undefined;
  const { label, user, scopes, expiresAt } = found;
  return {
    principal: parseWith(Principal, stored, "API token", "unauthorized"),
    token,
    label,
    ...(user !== undefined && { user }),
    ...(scopes !== undefined && { scopes: scopes as Scope[] }),
    expiresAt,
  };
}

/** A person's token ends with the membership, and has the role that the member has now. */
async function currentPrincipal({ principal, user }: ApiToken, members: VendorApiDeps["members"]) {
  if (user === undefined) return principal;
  const member = await members.get(`${principal.kind}/${principal.tenant}`, user);
  return member && { ...principal, role: member.role };
}

function refuseOtherTenants(principal: Principal, params: Partial<Record<string, string>>): void {
  if (principal.kind === "operator") return;
  const { customer, vendor } = params;
  if (customer === undefined && vendor === undefined) return;
  if (params[principal.kind] === principal.tenant) return;
  throw customer === undefined ? noSuch("vendor", vendor ?? "") : noSuch("customer", customer);
}

function refuseOtherRoles({ kind, role }: Principal, parties: readonly Party[]): void {
  if (parties.some((party) => party === `${kind} ${role}`)) return;
  throw new SutureError("forbidden", `This is for: ${parties.map(named).join(", ")}`);
}

function refuseBeyondScopes(scopes: readonly Scope[] | undefined, area: Area, method: Method): void {
  if (isInScopes(scopes, area, method)) return;
  throw new SutureError("forbidden", `The token lacks the scope ${area}:${method === "GET" ? "read" : "write"}`);
}

function isInScopes(scopes: readonly Scope[] | undefined, area: Area, method: Method): boolean {
  if (scopes === undefined || scopes.includes(`${area}:write`)) return true;
  return method === "GET" && scopes.includes(`${area}:read`);
}

function named(party: Party): string {
  return party === "operator operator" ? "the service's operator" : party;
}

function notAllowed(path: string, allow: readonly string[]): SutureError {
  return new SutureError("method-not-allowed", `${path} takes ${allow.join(", ")}`, { data: { allow } });
}
