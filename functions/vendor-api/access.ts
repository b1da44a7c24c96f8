import type { Area, Principal } from "../../protocol/wire/account.ts";

/** A kind of sign-in, and its role there. */
export type Party = {
  [Kind in Principal["kind"]]: `${Kind} ${Extract<Principal, { kind: Kind }>["role"]}`;
}[Principal["kind"]];
export type Method = "GET" | "POST" | "PUT" | "DELETE";
type Rule = {
  area: Area;
  /** its changes give people access with no limits but a role: a token that is limited to scopes may not make them */
  grants?: true;
} & Partial<Record<Method, readonly Party[]>>;

const operator = ["operator operator"] as const;
const publisher = ["vendor publisher"] as const;
const vendors = ["vendor publisher", "vendor viewer"] as const;
const owner = ["customer owner"] as const;
const changers = ["customer owner", "customer operator"] as const;
const customers = [...changers, "customer viewer"] as const;
export const everybody: readonly Party[] = [...operator, ...vendors, ...customers];

/**
 * Who may do what. A vendor's or a customer's sign-in acts on its own tenant only: the one in the path. What is not here is closed. Of two
 * rules that fit a path the first counts.
 */
export const access: Readonly<Record<string, Rule>> = {
  "/v1/whoami": { area: "account", GET: everybody },
  "/v1/audit": { area: "audit", GET: operator },
  "/v1/expiries": { area: "vendors", GET: operator },
  // What is put there must be signed offline by others than the sign-in; the signatures are checked, and decide
  "/v1/service": { area: "service", GET: operator },
  "/v1/service/metadata/:serviceRole": { area: "service", GET: operator, PUT: operator },
  "/v1/service/uploads": { area: "service", POST: operator },
  "/v1/service/plan-keys": { area: "service", POST: operator },

  "/v1/vendors": { area: "vendors", GET: operator, POST: operator },
  "/v1/vendors/:vendor": { area: "vendors", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/online-keys": { area: "publishing", POST: publisher },
  // Publishing wants a signed-in publisher beside the signatures, so an operator cannot do it
  "/v1/vendors/:vendor/metadata/:role": { area: "publishing", GET: [...operator, ...vendors], PUT: publisher },
  "/v1/vendors/:vendor/expiries": { area: "publishing", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/uploads": { area: "publishing", POST: publisher },
  "/v1/vendors/:vendor/patches": { area: "publishing", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/patches/:product/:channel/:patch": { area: "publishing", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/patches/:product/:channel/:patch/publication": {
    area: "publishing",
    GET: [...operator, ...vendors],
  },
  "/v1/vendors/:vendor/patches/:product/:channel/:patch/hold": {
    area: "publishing",
    GET: [...operator, ...vendors],
    PUT: publisher,
  },
  // A vendor recalls by its own signature (suture withdraw); this is the operator's word beside it
  "/v1/vendors/:vendor/patches/:product/:channel/:patch/recall": {
    area: "publishing",
    GET: [...operator, ...vendors],
    PUT: operator,
  },
  "/v1/vendors/:vendor/stop": { area: "publishing", GET: [...operator, ...vendors], PUT: operator },
  "/v1/vendors/:vendor/products/:product/support": {
    area: "support",
    GET: [...operator, ...vendors],
    PUT: publisher,
  },
  "/v1/vendors/:vendor/subscriptions": { area: "subscriptions", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/usage": { area: "subscriptions", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/api-tokens": {
    area: "tokens",
    GET: [...operator, ...publisher],
    POST: [...operator, ...publisher],
  },
  "/v1/vendors/:vendor/api-tokens/:token": {
    area: "tokens",
    GET: [...operator, ...publisher],
    DELETE: [...operator, ...publisher],
  },
  "/v1/vendors/:vendor/members": { area: "members", GET: [...operator, ...vendors] },
  "/v1/vendors/:vendor/members/:user": {
    area: "members",
    GET: [...operator, ...vendors],
    DELETE: [...operator, ...publisher],
  },
  "/v1/vendors/:vendor/invitations": { area: "members", grants: true, POST: [...operator, ...publisher] },
  "/v1/vendors/:vendor/identity-provider": {
    area: "members",
    grants: true,
    GET: [...operator, ...publisher],
    PUT: [...operator, ...publisher],
  },
  "/v1/vendors/:vendor/audit": { area: "audit", GET: [...operator, ...vendors] },

  "/v1/customers": { area: "customers", GET: operator, POST: operator },
  "/v1/customers/:customer": { area: "customers", GET: [...operator, ...customers] },
  "/v1/customers/:customer/subscriptions": { area: "subscriptions", GET: [...operator, ...customers] },
  "/v1/customers/:customer/subscriptions/:vendor/:product/:channel": {
    area: "subscriptions",
    GET: [...operator, ...vendors, ...customers],
    PUT: [...operator, ...publisher],
    DELETE: [...operator, ...publisher],
  },
  "/v1/customers/:customer/usage": { area: "subscriptions", GET: [...operator, ...customers] },
  "/v1/customers/:customer/enrolment-tokens": {
    area: "tokens",
    GET: [...operator, ...customers],
    POST: [...operator, ...changers],
  },
  "/v1/customers/:customer/enrolment-tokens/:token": {
    area: "tokens",
    GET: [...operator, ...customers],
    DELETE: [...operator, ...changers],
  },
  "/v1/customers/:customer/api-tokens": { area: "tokens", GET: [...operator, ...owner], POST: [...operator, ...owner] },
  "/v1/customers/:customer/api-tokens/:token": {
    area: "tokens",
    GET: [...operator, ...owner],
    DELETE: [...operator, ...owner],
  },
  "/v1/customers/:customer/members": { area: "members", GET: [...operator, ...customers] },
  "/v1/customers/:customer/members/:user": {
    area: "members",
    GET: [...operator, ...customers],
    DELETE: [...operator, ...owner],
  },
  "/v1/customers/:customer/invitations": { area: "members", grants: true, POST: [...operator, ...owner] },
  "/v1/customers/:customer/identity-provider": {
    area: "members",
    grants: true,
    GET: [...operator, ...owner],
    PUT: [...operator, ...owner],
  },
  "/v1/customers/:customer/machines": { area: "machines", GET: [...operator, ...customers] },
  // A link reads what is signed; as a change it would be logged, so machines:write is asked for
  "/v1/customers/:customer/downloads": { area: "machines", POST: [...operator, ...changers] },
  "/v1/customers/:customer/offline-plans": { area: "machines", POST: [...operator, ...changers] },
  "/v1/customers/:customer/offline-reports": { area: "machines", POST: [...operator, ...changers] },
  "/v1/customers/:customer/recalls": { area: "machines", GET: [...operator, ...customers] },
  "/v1/customers/:customer/machines/:machine/receipts": { area: "machines", GET: [...operator, ...customers] },
  "/v1/customers/:customer/machines/bulk": { area: "machines", POST: [...operator, ...changers] },
  "/v1/customers/:customer/machines/:machine": {
    area: "machines",
    GET: [...operator, ...customers],
    DELETE: [...operator, ...changers],
  },
  "/v1/customers/:customer/machines/:machine/explain/:vendor/:product/:channel/:patch": {
    area: "machines",
    GET: [...operator, ...customers],
  },
  "/v1/customers/:customer/policies": { area: "rollouts", GET: [...operator, ...customers] },
  // How a customer's machines are patched is the customer's to say, not the service's
  "/v1/customers/:customer/policies/:policy": {
    area: "rollouts",
    GET: [...operator, ...customers],
    PUT: changers,
    DELETE: changers,
  },
  "/v1/customers/:customer/pins": { area: "rollouts", GET: [...operator, ...customers] },
  "/v1/customers/:customer/pins/:pin": {
    area: "rollouts",
    GET: [...operator, ...customers],
    PUT: changers,
    DELETE: changers,
  },
  "/v1/customers/:customer/views": { area: "machines", GET: [...operator, ...customers] },
  // A viewer keeps views too, but changes none that others see
  "/v1/customers/:customer/views/shared/:view": {
    area: "machines",
    GET: [...operator, ...customers],
    PUT: changers,
    DELETE: changers,
  },
  "/v1/customers/:customer/views/own/:view": {
    area: "machines",
    GET: [...operator, ...customers],
    PUT: customers,
    DELETE: customers,
  },
  "/v1/customers/:customer/rollouts": { area: "rollouts", GET: [...operator, ...customers] },
  "/v1/customers/:customer/rollouts/:vendor/:product/:channel/:patch": {
    area: "rollouts",
    GET: [...operator, ...customers],
    POST: changers,
  },
  "/v1/customers/:customer/support": { area: "support", GET: [...operator, ...customers] },
  "/v1/customers/:customer/audit": { area: "audit", GET: [...operator, ...customers] },
};

/** Routes for those who have no token yet: what they bring in the body is the proof. */
export const open: Readonly<Record<string, Method>> = {
  "/v1/invitations/accept": "POST",
  "/v1/vendors/:vendor/sign-in": "POST",
  "/v1/customers/:customer/sign-in": "POST",
};
