import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import { NewApiToken, PageQuery, Principal } from "../../protocol/wire/account.ts";
import {
  AcceptInvitation,
  InvitationCreated,
  MemberList,
  MemberView,
  NewCustomerInvitation,
  NewVendorInvitation,
  User,
} from "../../protocol/wire/members.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Member } from "../stores/members.ts";
import { hashOf } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody, nothing } from "./openapi.ts";
import { type TenantKind, tenantKey, tenantKinds, tenantOf, tenantRoute } from "./tenants.ts";
import { endOf, issueApiToken, newSecret } from "./tokens.ts";

const weekHours = 7 * 24;
/** How long a person's sign-in lasts. */
const personTokenHours = 30 * 24;
const expiresAt = "2026-12-02T09:00:00.000Z";
const invitation = "suture-invite.3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

export const accept = createRoute({
  method: "post",
  path: "/v1/invitations/accept",
  tags: ["account"],
  summary: "Accept an invitation, once, and sign in",
  security: [],
  request: jsonBody(AcceptInvitation, { invitation }),
  responses: { 200: answer(NewApiToken, "The person's API token, shown this once", examples.newToken), ...failure },
});

export function listOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/members");
  return createRoute({
    ...route,
    method: "get",
    summary: `List a ${kind}'s people and their roles`,
    request: { ...request, query: PageQuery },
    responses: {
      200: answer(MemberList, "One page; it goes on where there is a cursor", examples.members),
      ...failure,
    },
  });
}

function oneOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/members/{user}");
  return { ...route, request: { params: request.params.extend({ user: User }) } };
}

export function getOf(kind: TenantKind) {
  return createRoute({
    ...oneOf(kind),
    method: "get",
    summary: "Show a person and the role",
    responses: { 200: answer(MemberView, "The person", examples.member), ...failure },
  });
}

export function removeOf(kind: TenantKind) {
  return createRoute({
    ...oneOf(kind),
    method: "delete",
    summary: "Let a person go; the person's tokens end with it",
    responses: { 204: nothing("Gone"), ...failure },
  });
}

export function inviteOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/invitations");
  const role = kind === "vendor" ? "publisher" : "operator";
  const example = { user: "ann@example.com", expiresInHours: weekHours };
  const body =
    kind === "vendor"
      ? jsonBody(NewVendorInvitation, { ...example, role: "publisher" })
      : jsonBody(NewCustomerInvitation, { ...example, role: "operator" });
  return createRoute({
    ...route,
    method: "post",
    summary: "Invite a person",
    request: { ...request, ...body },
    responses: {
      201: answer(InvitationCreated, "The invitation, shown this once", {
        invitation,
        user: "ann@example.com",
        role,
        expiresAt,
      }),
      ...failure,
    },
  });
}

/** People of a tenant: who they are, how they come in, how they leave. */
export function memberRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  for (const kind of tenantKinds) {
    addMembers(app, kind, deps);
    addInvite(app, kind, deps);
  }
  app.openapi(accept, async (c) => {
    const secret = c.req.valid("json").invitation.split(".")[1] ?? "";
    const at = deps.now().getTime();
    const { kind, tenant, user, role } = await deps.invitations.accept(hashOf(secret), at);
    const principal = parseWith(Principal, { kind, tenant, role }, "invitation", "unauthorized");
    c.set("log", tenantKey({ kind, tenant }));
    await deps.members.put({ tenant: tenantKey({ kind, tenant }), user, role, joinedAt: at });
    return c.json(await issueApiToken(principal, { label: user, user, expiresInHours: personTokenHours }, deps), 200);
  });
}

function addMembers(app: OpenAPIHono, kind: TenantKind, deps: VendorApiDeps): void {
  app.openapi(listOf(kind), async (c) => {
    const tenant = await tenantOf(c, kind, deps);
    const { items, cursor } = await deps.members.list(tenantKey(tenant), c.req.valid("query"));
    return c.json(
      { members: items.map(namedRows("members", memberView)), ...(cursor !== undefined && { cursor }) },
      200,
    );
  });
  app.openapi(getOf(kind), async (c) => {
    const tenant = await tenantOf(c, kind, deps);
    const { user } = c.req.valid("param");
    const member = await deps.members.get(tenantKey(tenant), user);
    if (member === undefined) throw new SutureError("not-found", `${user} is no member`);
    return c.json(memberView(member), 200);
  });
  app.openapi(removeOf(kind), async (c) => {
    const tenant = await tenantOf(c, kind, deps);
    await deps.members.remove(tenantKey(tenant), c.req.valid("param").user, deps.now().getTime());
    return c.body(null, 204);
  });
}

function addInvite(app: OpenAPIHono, kind: TenantKind, deps: VendorApiDeps): void {
  app.openapi(inviteOf(kind), async (c) => {
    const { tenant } = await tenantOf(c, kind, deps);
    const { user, role: wanted, expiresInHours = weekHours } = c.req.valid("json");
    const principal = parseWith(Principal, { kind, tenant, role: wanted }, "body");
    const secret = newSecret(deps.random);
    const ends = endOf(deps.now().getTime(), expiresInHours);
    await deps.invitations.create({ hash: hashOf(secret), kind, tenant, user, role: principal.role, expiresAt: ends });
    const created = {
      invitation: `suture-invite.${secret}`,
      user,
      role: wanted,
      expiresAt: new Date(ends).toISOString(),
    };
    return c.json(created, 201);
  });
}

function memberView({ user, role, joinedAt }: Member): MemberView {
  return { user, role: role as MemberView["role"], joinedAt: new Date(joinedAt).toISOString() };
}
