import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import {
  ApiTokenList,
  ApiTokenView,
  NewApiToken,
  NewCustomerToken,
  NewVendorToken,
  PageQuery,
  Principal,
  type Scope,
} from "../../protocol/wire/account.ts";
import { Sha256 } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { ApiToken } from "../stores/api-tokens.ts";
import { hashOf, refuseToGrantMore } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody, nothing } from "./openapi.ts";
import { type Tenant, type TenantKind, tenantKinds, tenantOf, tenantRoute } from "./tenants.ts";

const hour = 3_600_000;
const yearHours = 365 * 24;
const example = {
  token: "suture-api.3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  label: "ci",
  expiresAt: "2027-11-25T09:00:00.000Z",
};

type Deps = Pick<VendorApiDeps, "apiTokens" | "now" | "random">;
type Issue = { label: string; expiresInHours: number; scopes?: Scope[] | undefined; user?: string };

/** 256 random bits as 43 characters of base64url. */
export function newSecret(random: Deps["random"]): string {
  return Buffer.from(random(32)).toString("base64url");
}

/** When a token made at `createdAt` ends, in milliseconds since the epoch like it; a part of an hour counts. */
export function endOf(createdAt: number, hours: number): number {
  return createdAt + Math.round(hours * hour);
}

/** Makes an API token for a principal; the answer is the only place where its secret ever stands. */
export async function issueApiToken(
  principal: Principal,
  { label, expiresInHours, scopes, user }: Issue,
  { apiTokens, now, random }: Deps,
): Promise<NewApiToken> {
  const token = `suture-api.${newSecret(random)}`;
  const createdAt = now().getTime();
  const expiresAt = endOf(createdAt, expiresInHours);
  const limits = { ...(scopes !== undefined && { scopes }), ...(user !== undefined && { user }) };
  await apiTokens.create({ hash: hashOf(token), principal, label, createdAt, expiresAt, ...limits });
  return { token, label, expiresAt: new Date(expiresAt).toISOString() };
}

export function listOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/api-tokens");
  return createRoute({
    ...route,
    method: "get",
    summary: `List a ${kind}'s API tokens, without their secrets`,
    request: { ...request, query: PageQuery },
    responses: {
      200: answer(ApiTokenList, "One page; it goes on where there is a cursor", examples.apiTokens),
      ...failure,
    },
  });
}

export function createOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/api-tokens");
  const body =
    kind === "vendor"
      ? jsonBody(NewVendorToken, { role: "publisher", label: "ci", scopes: ["publishing:write"] })
      : jsonBody(NewCustomerToken, { role: "viewer", label: "wallboard", expiresInHours: 720 });
  return createRoute({
    ...route,
    method: "post",
    summary: `Make a ${kind}'s API token${kind === "customer" ? ", which also signs in to the portal" : ""}`,
    description: "It may be limited to scopes. A token that is limited makes none that may more.",
    request: { ...request, ...body },
    responses: { 201: answer(NewApiToken, "The token, shown this once", example), ...failure },
  });
}

function oneOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/api-tokens/{token}");
  return {
    ...route,
    request: { params: request.params.extend({ token: Sha256.describe("`id`, as the list has it") }) },
  };
}

export function getOf(kind: TenantKind) {
  return createRoute({
    ...oneOf(kind),
    method: "get",
    summary: "Show an API token, without its secret",
    responses: { 200: answer(ApiTokenView, "The token", examples.apiToken), ...failure },
  });
}

export function revokeOf(kind: TenantKind) {
  return createRoute({
    ...oneOf(kind),
    method: "delete",
    summary: "Revoke an API token, for good",
    responses: { 204: nothing("It opens nothing any more"), ...failure },
  });
}

export function tokenRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  for (const kind of tenantKinds) {
    app.openapi(createOf(kind), async (c) => {
      const { tenant } = await tenantOf(c, kind, deps);
      const { role = "publisher", label, expiresInHours = yearHours, scopes } = c.req.valid("json");
      refuseToGrantMore(c.get("signIn"), scopes);
      const principal = parseWith(Principal, { kind, tenant, role }, "body");
      return c.json(await issueApiToken(principal, { label, expiresInHours, scopes }, deps), 201);
    });
    app.openapi(listOf(kind), async (c) => {
      const tenant = await tenantOf(c, kind, deps);
      const { items, cursor } = await deps.apiTokens.listByTenant(tenant, c.req.valid("query"));
      return c.json(
        { tokens: items.map(namedRows("apiTokens", tokenView)), ...(cursor !== undefined && { cursor }) },
        200,
      );
    });
    app.openapi(getOf(kind), async (c) =>
      c.json(tokenView(await existing(await tenantOf(c, kind, deps), c.req.valid("param").token)), 200),
    );
    app.openapi(revokeOf(kind), async (c) => {
      const { hash } = await existing(await tenantOf(c, kind, deps), c.req.valid("param").token);
      await deps.apiTokens.revoke(hash, deps.now().getTime());
      return c.body(null, 204);
    });
  }

  async function existing({ kind, tenant }: Tenant, hash: string): Promise<ApiToken> {
    const token = await deps.apiTokens.find(hash, deps.now().getTime());
    if (token?.principal.kind === kind && token.principal.tenant === tenant) return token;
    throw new SutureError("not-found", "There is no such token");
  }
}

function tokenView({ hash, principal, label, user, scopes, createdAt, expiresAt, revokedAt }: ApiToken): ApiTokenView {
  return {
    id: hash,
    role: principal.role,
    label,
    ...(user !== undefined && { user }),
    ...(scopes !== undefined && { scopes: scopes as Scope[] }),
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    ...(revokedAt !== undefined && { revokedAt: new Date(revokedAt).toISOString() }),
  };
}
