import { createHash } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import { ApiTokenText, Principal } from "../../protocol/wire/account.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";

/** Whoever sent a request, as its token says. Times are milliseconds since the epoch. */
type SignIn = { principal: Principal; label: string; expiresAt: number };

declare module "hono" {
  interface ContextVariableMap {
    signIn: SignIn;
  }
}

type Role = Principal["role"];
type Method = "GET" | "POST" | "PUT";

/**
 * Which roles may do what. A vendor's or a customer's role acts on its own tenant only: the one in the path. What is not here is
 * closed.
 */
const access: Readonly<Record<string, Partial<Record<Method, readonly Role[]>>>> = {
  "/v1/whoami": { GET: ["operator", "publisher", "viewer"] },
  "/v1/vendors": { POST: ["operator"] },
  "/v1/vendors/:vendor": { GET: ["operator", "publisher"] },
  "/v1/vendors/:vendor/api-tokens": { POST: ["operator"] },
  // Publishing wants a signed-in publisher beside the signatures, so an operator cannot do it
  "/v1/vendors/:vendor/metadata/:role": { GET: ["operator", "publisher"], PUT: ["publisher"] },
  "/v1/vendors/:vendor/uploads": { POST: ["publisher"] },
  "/v1/vendors/:vendor/patches": { GET: ["operator", "publisher"] },
  "/v1/customers": { GET: ["operator"], POST: ["operator"] },
  "/v1/customers/:customer/subscriptions/:vendor/:product/:channel": { PUT: ["operator"] },
  "/v1/customers/:customer/enrolment-tokens": { POST: ["operator"] },
  "/v1/customers/:customer/api-tokens": { POST: ["operator"] },
  "/v1/customers/:customer/machines": { GET: ["operator", "viewer"] },
};

/**
 * Puts the one check of tenant and role before every route. To be called before the routes are added.
 * Requests end with `unauthorized`, `not-found` (another's tenant, as if there were none), `forbidden`, `method-not-allowed`.
 */
export function guard(app: OpenAPIHono, deps: { apiTokens: ApiTokensStore; now: () => Date }): void {
  for (const [path, methods] of Object.entries(access)) {
    app.all(path, async (c, next) => {
      const signIn = await authenticate(c.req.header("authorization"), deps);
      refuseOtherTenants(signIn.principal, c.req.param());
      const roles = methods[(c.req.method === "HEAD" ? "GET" : c.req.method) as Method];
      if (roles === undefined) {
        throw new SutureError("method-not-allowed", `${c.req.path} takes ${Object.keys(methods).join(", ")}`);
      }
      if (!roles.includes(signIn.principal.role)) {
        throw new SutureError("forbidden", `This takes the role ${roles.join(" or ")}`);
      }
      c.set("signIn", signIn);
      await next();
    });
  }
  app.use("/v1/*", async (c, next) => {
    if (c.get("signIn") === undefined) throw new SutureError("not-found", `There is nothing at ${c.req.path}`);
    await next();
  });
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
  { apiTokens, now }: { apiTokens: ApiTokensStore; now: () => Date },
): Promise<SignIn> {
  const [scheme, text, ...rest] = header?.trim().split(/ +/) ?? [];
  if (scheme?.toLowerCase() !== "bearer" || rest.length > 0 || !ApiTokenText.safeParse(text).success) {
    throw new SutureError("unauthorized", "Send `Authorization: Bearer` with an API token, suture-api.SECRET");
  }
  const token = await apiTokens.find(hashOf(text ?? ""), now().getTime());
  if (token === undefined) throw new SutureError("unauthorized", "The API token is unknown, revoked or expired");
  const principal = parseWith(Principal, token.principal, "API token", "unauthorized");
  return { principal, label: token.label, expiresAt: token.expiresAt };
}

function refuseOtherTenants(principal: Principal, params: Partial<Record<string, string>>): void {
  if (principal.kind === "operator") return;
  const { customer, vendor } = params;
  if (customer === undefined && vendor === undefined) return;
  if (params[principal.kind] === principal.tenant) return;
  throw customer === undefined ? noSuch("vendor", vendor ?? "") : noSuch("customer", customer);
}
