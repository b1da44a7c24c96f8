import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import {
  EnrolmentTokenCreated,
  EnrolmentTokenList,
  EnrolmentTokenView,
  NewEnrolmentToken,
} from "../../protocol/wire/customer.ts";
import { Name, Sha256 } from "../../protocol/wire/names.ts";
import type { Customer } from "../stores/customers.ts";
import type { Enrolment } from "../stores/enrolments.ts";
import { hashOf, noSuch } from "./auth.ts";
import { defaultGroup } from "./customers.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody, nothing } from "./openapi.ts";
import { endOf, newSecret } from "./tokens.ts";

const path = "/v1/customers/{customer}/enrolment-tokens";
const params = z.object({ customer: Name });
const oneParams = params.extend({ token: Sha256.describe("`id`, as the list has it") });
const tags = ["customers"];

export const create = createRoute({
  method: "post",
  path: path,
  tags,
  summary: "Make a token with which hosts enrol",
  request: { params, ...jsonBody(NewEnrolmentToken, examples.newEnrolmentToken) },
  responses: { 201: answer(EnrolmentTokenCreated, "The token, shown this once", examples.enrolmentToken), ...failure },
});

export const list = createRoute({
  method: "get",
  path: path,
  tags,
  summary: "List a customer's enrolment tokens, without their secrets",
  request: { params, query: PageQuery },
  responses: {
    200: answer(EnrolmentTokenList, "One page; it goes on where there is a cursor", examples.enrolmentTokens),
    ...failure,
  },
});

export const get = createRoute({
  method: "get",
  path: `${path}/{token}`,
  tags,
  summary: "Show an enrolment token, without its secret",
  request: { params: oneParams },
  responses: { 200: answer(EnrolmentTokenView, "The token", examples.enrolmentTokens.tokens[0]), ...failure },
});

export const revoke = createRoute({
  method: "delete",
  path: `${path}/{token}`,
  tags,
  summary: "Revoke an enrolment token, for good",
  description: "Hosts that enrolled with it stay.",
  request: { params: oneParams },
  responses: { 204: nothing("No host enrols with it any more"), ...failure },
});

/** Tokens with which a customer's hosts enrol. */
export function enrolmentTokenRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(create, async (c) => {
    const { customer, groups } = await existing(c.req.valid("param").customer);
    const {
      group = defaultGroup,
      tags: marks = [],
      uses = 1,
      expiresInHours = 24,
      ephemeral = false,
    } = c.req.valid("json");
    // A host in a group that nobody made would be planned for by no one's wish
    if (groups[group] === undefined) await deps.customers.setGroup(customer, group, { mode: "auto" });
    const secret = newSecret(deps.random);
    const createdAt = deps.now().getTime();
    const expiresAt = endOf(createdAt, expiresInHours);
    const token = `suture-enrol.${secret}.${await deps.serviceRoot()}`;
    await deps.enrolments.create({
      hash: hashOf(secret),
      customer,
      group,
      tags: marks,
      ephemeral,
      usesLeft: uses,
      expiresAt,
      createdAt,
    });
    const end = new Date(expiresAt).toISOString();
    return c.json({ token, customer, group, tags: marks, uses, ephemeral, expiresAt: end }, 201);
  });

  app.openapi(list, async (c) => {
    const { customer } = await existing(c.req.valid("param").customer);
    const { items, cursor } = await deps.enrolments.listByCustomer(customer, c.req.valid("query"));
    return c.json({ tokens: items.map(namedRows("enrolments", view)), ...(cursor !== undefined && { cursor }) }, 200);
  });

  app.openapi(get, async (c) => c.json(view(await existingToken(c.req.valid("param"))), 200));

  app.openapi(revoke, async (c) => {
    const { hash } = await existingToken(c.req.valid("param"));
    await deps.enrolments.revoke(hash, deps.now().getTime());
    return c.body(null, 204);
  });

  async function existing(name: string): Promise<Customer> {
    const customer = await deps.customers.get(name);
    if (customer === undefined) throw noSuch("customer", name);
    return customer;
  }

  async function existingToken({ customer, token }: z.infer<typeof oneParams>): Promise<Enrolment> {
    const found = await deps.enrolments.get(token);
    if (found?.customer !== customer) throw new SutureError("not-found", "There is no such token");
    return found;
  }
}

function view(enrolment: Enrolment): EnrolmentTokenView {
  const { hash, group, tags: marks = [], usesLeft, ephemeral = false, expiresAt, createdAt, revokedAt } = enrolment;
  return {
    id: hash,
    group,
    tags: marks,
    usesLeft,
    ephemeral,
    expiresAt: new Date(expiresAt).toISOString(),
    createdAt: new Date(createdAt).toISOString(),
    ...(revokedAt !== undefined && { revokedAt: new Date(revokedAt).toISOString() }),
  };
}
