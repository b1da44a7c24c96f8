import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import type { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { NewApiToken, Principal } from "../../protocol/wire/account.ts";
import {
  CustomerIdentityProvider,
  type IdentityProviderView,
  SignInRequest,
  User,
  VendorIdentityProvider,
} from "../../protocol/wire/members.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { groupsIn, mayBeVerified, noGroups } from "../identity-claims.ts";
import type { IdentityProvider } from "../stores/identity-providers.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { memberByGroups } from "./group-members.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { type TenantKind, tenantKey, tenantKinds, tenantOf, tenantRoute } from "./tenants.ts";
import { issueApiToken } from "./tokens.ts";

/** A day's work: groups are looked at again at the next sign-in. */
const signInHours = 12;
/** Signatures with a public key only: a shared secret would let whoever verifies sign. */
const algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
type View = Omit<IdentityProvider, "tenant">;

/** Which roles there are differs between the kinds, and with it what a provider may say. */
function schemaOf(kind: TenantKind): z.ZodType<IdentityProviderView, IdentityProviderView> {
  return kind === "vendor" ? VendorIdentityProvider : CustomerIdentityProvider;
}

export function getOf(kind: TenantKind) {
  return createRoute({
    ...tenantRoute(kind, "/identity-provider"),
    method: "get",
    summary: `Show a ${kind}'s identity provider, and which role each group gives`,
    responses: { 200: answer(schemaOf(kind), "The identity provider", exampleFor(kind)), ...failure },
  });
}

export function putOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/identity-provider");
  return createRoute({
    ...route,
    method: "put",
    summary: `Say where a ${kind}'s people sign in, and which role each group gives`,
    request: { ...request, ...jsonBody(schemaOf(kind), exampleFor(kind)) },
    responses: { 200: answer(schemaOf(kind), "As it is now", exampleFor(kind)), ...failure },
  });
}

export function signInOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/sign-in");
  return createRoute({
    ...route,
    method: "post",
    summary: "Sign in with an ID token of the tenant's identity provider",
    security: [],
    request: { ...request, ...jsonBody(SignInRequest, { idToken: "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl" }) },
    responses: { 200: answer(NewApiToken, "The person's API token for a day's work", examples.newToken), ...failure },
  });
}

/** People who sign in with their tenant's own identity provider (OpenID Connect Core 1.0, section 3.1.3.7). */
export function identityRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  for (const kind of tenantKinds) {
    addProvider(app, kind, deps);
    addSignIn(app, kind, deps);
  }
}

function addProvider(app: OpenAPIHono, kind: TenantKind, deps: VendorApiDeps): void {
  app.openapi(getOf(kind), async (c) => {
    const tenant = await tenantOf(c, kind, deps);
    const provider = await deps.identityProviders.get(tenantKey(tenant));
    if (provider === undefined) throw new SutureError("not-found", `${tenant.tenant} has no identity provider`);
    const { tenant: _tenant, ...view } = provider;
    return c.json(schemaOf(kind).parse(view), 200);
  });
  app.openapi(putOf(kind), async (c) => {
    const tenant = await tenantOf(c, kind, deps);
    const provider = c.req.valid("json");
    await deps.identityProviders.put({ tenant: tenantKey(tenant), ...provider });
    return c.json(provider, 200);
  });
}

function addSignIn(app: OpenAPIHono, kind: TenantKind, deps: VendorApiDeps): void {
  app.openapi(signInOf(kind), async (c) => {
    const tenant = { kind, tenant: c.req.param(kind) ?? "" };
    const key = tenantKey(tenant);
    const provider = await deps.identityProviders.get(key);
    // No such tenant, no provider and no good token are one to whoever asks
    if (provider === undefined) throw refused();
    const at = deps.now();
    const claims = await verified(c.req.valid("json").idToken, provider, at);
    const user = User.safeParse(claims.email);
    if (!user.success || !mayBeVerified(claims)) throw refused();
    const groups = groupsIn(claims, provider.groupsClaim);
    if (groups === undefined) throw noGroups(provider.groupsClaim);
    const person = { user: user.data, groups };
    const role = await memberByGroups(tenant, person, provider, { members: deps.members, now: at.getTime() });
    if (role === undefined) throw new SutureError("forbidden", "None of your groups has a role here");
    const principal = parseWith(Principal, { ...tenant, role }, "sign-in", "unauthorized");
    const issue = { label: user.data, user: user.data, expiresInHours: signInHours };
    return c.json(await issueApiToken(principal, issue, deps), 200);
  });
}

async function verified(idToken: string, provider: IdentityProvider, currentDate: Date): Promise<JWTPayload> {
  const { issuer, audience } = provider;
  try {
    const keys = createLocalJWKSet(provider.jwks as unknown as JSONWebKeySet);
    const requiredClaims = ["exp", "email"];
    const { payload } = await jwtVerify(idToken, keys, { issuer, audience, algorithms, requiredClaims, currentDate });
    return payload;
  } catch (cause) {
    throw refused(cause);
  }
}

function refused(cause?: unknown): SutureError {
  return new SutureError("unauthorized", "This sign-in is not accepted", { cause });
}

function exampleFor(kind: TenantKind): View {
  return {
    issuer: "https://id.example.com",
    audience: "suture",
    jwks: { keys: [{ kty: "OKP", crv: "Ed25519", kid: "2026", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] },
    groupsClaim: "groups",
    roles: kind === "vendor" ? { release: "publisher" } : { sre: "owner", support: "viewer" },
  };
}
