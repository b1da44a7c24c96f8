import { expect, test } from "vitest";
import { apiTokensStore } from "../../functions/stores/api-tokens.ts";
import { customersStore } from "../../functions/stores/customers.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { enrolmentsStore } from "../../functions/stores/enrolments.ts";
import { collect } from "../../functions/stores/page.ts";
import { subscriptionsStore } from "../../functions/stores/subscriptions.ts";
import { vendorsStore } from "../../functions/stores/vendors.ts";
import { viewsStore } from "../../functions/stores/views.ts";
import { tufKey } from "../../protocol/trust/signer.ts";
import { digest, hour, now, problem, unique } from "./stores-data.ts";

const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
`;

/** What the stores of vendors, customers and their tokens promise. */
export function tenantsContract(dynamo: () => Dynamo) {
  test("a vendor is kept whole, and its name is taken once", async () => {
    const key = { key: tufKey(publicKey), wrapped: "AA==" };
    const vendor = { vendor: unique("v"), title: "V", createdAt: now, onlineKeys: { snapshot: key, timestamp: key } };
    const vendors = vendorsStore(dynamo());
    await vendors.create(vendor);
    expect(await vendors.get(vendor.vendor)).toEqual(vendor);
    await expect(vendors.create({ ...vendor, title: "thief" })).rejects.toEqual(problem("already-exists"));
    expect(await collect((page) => vendors.list(page))).toContainEqual(vendor);
    expect(await vendors.get(unique("v"))).toBeUndefined();

    const of = (wrapped: string) => ({ ...vendor.onlineKeys.timestamp, wrapped });
    const next = { snapshot: of("next"), timestamp: of("next") };
    const change = { onlineKeys: vendor.onlineKeys, nextOnlineKeys: next };
    const rivals = [vendors.changeOnlineKeys(vendor, change), vendors.changeOnlineKeys(vendor, change)];
    expect((await Promise.all(rivals)).filter(Boolean)).toHaveLength(1);
    const changed = await vendors.get(vendor.vendor);
    expect(changed).toEqual({ ...vendor, ...change });
    const last = { onlineKeys: next, nextOnlineKeys: { snapshot: of("last"), timestamp: of("last") } };
    expect(changed && (await vendors.changeOnlineKeys(changed, last))).toBe(true);
    expect(changed && (await vendors.changeOnlineKeys(changed, last))).toBe(false);
  });

  test("two people who change two groups of one customer both succeed", async () => {
    const customers = customersStore(dynamo());
    const customer = {
      customer: unique("c"),
      title: "C",
      createdAt: now,
      groups: { default: { mode: "auto" as const } },
    };
    await customers.create(customer);
    await expect(customers.create(customer)).rejects.toEqual(problem("already-exists"));
    await Promise.all(["web-1", "db"].map((group) => customers.setGroup(customer.customer, group, { mode: "report" })));
    const groups = { default: { mode: "auto" }, "web-1": { mode: "report" }, db: { mode: "report" } };
    expect(await customers.get(customer.customer)).toEqual({ ...customer, groups });
    expect(await collect((page) => customers.list(page))).toContainEqual({ ...customer, groups });
    await expect(customers.setGroup(unique("c"), "web", { mode: "auto" })).rejects.toEqual(problem("not-found"));
  });

  test("a subscription's last word counts and its beginning stays", async () => {
    const subscriptions = subscriptionsStore(dynamo());
    const vendor = unique("v");
    const subscription = {
      customer: unique("c"),
      stream: `${vendor}/srv/stable`,
      plan: "standard",
      seats: 5,
      endsAt: null,
      graceDays: 0,
      createdAt: now,
    };
    await subscriptions.put(subscription);
    const changed = { ...subscription, seats: 9, endsAt: now + hour, graceDays: 14, plan: "gold" };
    await subscriptions.put({ ...changed, createdAt: now + 1 });
    expect(await subscriptions.listByCustomer(subscription.customer, { consistent: true })).toEqual({
      items: [changed],
    });
    await expect.poll(async () => (await subscriptions.listByVendor(vendor)).items).toEqual([changed]);
  });

  test("a revoked subscription stays revoked at its first moment until it is granted again", async () => {
    const subscriptions = subscriptionsStore(dynamo());
    const [customer, stream] = [unique("c"), "v/srv/stable"];
    await expect(subscriptions.revoke(customer, stream, now)).rejects.toEqual(problem("not-found"));
    await subscriptions.put({ customer, stream, seats: 5, endsAt: null, createdAt: now });
    await subscriptions.revoke(customer, stream, now + 1);
    expect(await subscriptions.revoke(customer, stream, now + 2)).toMatchObject({ revokedAt: now + 1, seats: 5 });
    await subscriptions.put({ customer, stream, seats: 5, endsAt: null, createdAt: now });
    expect(await subscriptions.get(customer, stream)).not.toHaveProperty("revokedAt");
  });

  test("a view is its owner's: what is shared and what is one's own may have one name", async () => {
    const views = viewsStore(dynamo());
    const [customer, user] = [unique("c"), "ann@example.com"];
    await views.put({ customer }, "Databases", { group: "db", by: "name" });
    await views.put({ customer, user }, "Databases", { begins: "db-", by: "seen" });
    expect(await views.list({ customer })).toEqual({
      items: [{ scope: "shared", name: "Databases", group: "db", by: "name" }],
    });
    expect(await views.get({ customer, user }, "Databases")).toMatchObject({ scope: "own", begins: "db-" });
    expect((await views.list({ customer, user: "bo@example.com" })).items).toEqual([]);
    expect(await views.remove({ customer, user }, "Databases")).toBe(true);
    expect(await views.remove({ customer, user }, "Databases")).toBe(false);
    expect((await views.list({ customer })).items).toHaveLength(1);
  });

  test("an unknown, an expired and a revoked token are one and the same: no token", async () => {
    const tokens = apiTokensStore(dynamo());
    const principal = { kind: "vendor" as const, tenant: unique("v"), role: "publisher" };
    const token = { hash: digest(), principal, label: "ci", createdAt: now, expiresAt: now + hour };
    await tokens.create(token);
    await expect(tokens.create(token)).rejects.toEqual(problem("already-exists"));
    expect(await tokens.find(token.hash, now)).toEqual(token);
    expect(await tokens.find(token.hash, now + hour)).toBeUndefined();
    expect(await tokens.find(digest(), now)).toBeUndefined();
    await tokens.revoke(token.hash, now + 1);
    await tokens.revoke(token.hash, now + 2);
    expect(await tokens.find(token.hash, now)).toBeUndefined();
    await expect(tokens.revoke(digest(), now)).rejects.toEqual(problem("not-found"));
    const listed = [{ ...token, revokedAt: now + 1 }];
    await expect.poll(async () => (await tokens.listByTenant(principal)).items).toEqual(listed);
    expect((await tokens.listByTenant({ ...principal, kind: "customer" })).items).toEqual([]);
  });

  test("an enrolment token of two uses lets in two of five hosts and says why it refuses", async () => {
    const enrolments = enrolmentsStore(dynamo());
    const enrolment = {
      hash: digest(),
      customer: unique("c"),
      group: "web",
      usesLeft: 2,
      expiresAt: now + hour,
      createdAt: now,
    };
    await enrolments.create(enrolment);
    await expect(enrolments.create(enrolment)).rejects.toEqual(problem("already-exists"));
    const uses = await Promise.allSettled(
      Array.from({ length: 5 }, (_, at) => enrolments.use(enrolment.hash, `m-${at}`, now)),
    );
    const refusals = uses.filter((use) => use.status === "rejected").map((use) => use.reason);
    expect(refusals).toEqual(Array(3).fill(problem("token-used-up")));
    // One whose answer was lost asks again, and takes no second use
    const twice = { ...enrolment, customer: unique("c"), hash: digest(), usesLeft: 2 };
    await enrolments.create(twice);
    for (let times = 0; times < 3; times++)
      expect(await enrolments.use(twice.hash, "m-1", now)).toEqual({ ...twice, usesLeft: 1 });
    expect((await enrolments.use(twice.hash, "m-2", now)).usesLeft).toBe(0);
    // … also where very many others came between
    const many = { ...enrolment, customer: unique("c"), hash: digest(), usesLeft: 70 };
    await enrolments.create(many);
    await enrolments.use(many.hash, "m-1", now);
    for (let other = 2; other <= 66; other++) await enrolments.use(many.hash, `m-${other}`, now);
    expect((await enrolments.use(many.hash, "m-1", now)).usesLeft).toBe(4);
    await expect(enrolments.use(enrolment.hash, "m-9", now + hour)).rejects.toEqual(problem("token-expired"));
    await expect(enrolments.use(digest(), "m-9", now)).rejects.toEqual(problem("unauthorized"));
    await expect
      .poll(async () => (await enrolments.listByCustomer(enrolment.customer)).items)
      .toEqual([{ ...enrolment, usesLeft: 0 }]);
  });
}
