import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { auditStore } from "../../functions/stores/audit.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { idempotencyStore } from "../../functions/stores/idempotency.ts";
import { identityProvidersStore } from "../../functions/stores/identity-providers.ts";
import { invitationsStore } from "../../functions/stores/invitations.ts";
import { membersStore } from "../../functions/stores/members.ts";
import { collect } from "../../functions/stores/page.ts";
import { requestCountsStore } from "../../functions/stores/request-counts.ts";
import { seatsStore } from "../../functions/stores/seats.ts";
import { supportStore } from "../../functions/stores/support.ts";
import { usageStore } from "../../functions/stores/usage.ts";
import { digest, now, problem, unique } from "./stores-data.ts";

const stream = "v/srv/stable";

/** What the stores of people, seats, usage and the log promise. */
export function accountsContract(dynamo: () => Dynamo) {
  test("of twelve machines that want five seats at once five get one, and keep it when they ask again", async () => {
    const seats = seatsStore(dynamo());
    const customer = unique("c");
    const claim = (index: number) =>
      seats.claim({ customer, stream, machine: `m-${index}`, seatedAt: now }, { seats: 5, at: now });
    const indexes = Array.from({ length: 12 }, (_, index) => index);
    const granted = await Promise.all(indexes.map(claim));
    expect(granted.filter(Boolean)).toHaveLength(5);
    expect(await Promise.all(indexes.map(claim))).toEqual(granted);
    expect(await seats.taken(customer, stream)).toBe(5);
    expect((await seats.list(customer, stream)).items).toHaveLength(5);
  });

  test("a seat that is released, even twice, is one more for another", async () => {
    const seats = seatsStore(dynamo());
    const customer = unique("c");
    const seat = (machine: string, seatedAt = now) => ({ customer, stream, machine, seatedAt });
    const claim = (machine: string, at = now) => seats.claim(seat(machine, at), { seats: 1, at });
    expect([await claim("m-1"), await claim("m-2")]).toEqual([true, false]);
    await seats.release(seat("m-1"), now + 1);
    await seats.release(seat("m-1"), now + 2);
    expect(await seats.taken(customer, stream)).toBe(0);
    expect([await claim("m-2", now + 3), await claim("m-1", now + 3)]).toEqual([true, false]);
    // Of the seat as it was then, not of the one that the machine took since
    await seats.release(seat("m-2"), now + 4);
    expect(await seats.taken(customer, stream)).toBe(1);
    expect((await seats.list(customer, stream)).items).toEqual([
      { ...seat("m-1"), releasedAt: now + 1 },
      seat("m-2", now + 3),
    ]);
    await seats.recount(customer, stream, { counted: 7, taken: 3 });
    expect(await seats.taken(customer, stream)).toBe(1);
    await seats.recount(customer, stream, { counted: 1, taken: 0 });
    expect(await seats.taken(customer, stream)).toBe(0);
  });

  test("a month's usage never falls, and its customer and its vendor see the same", async () => {
    const usage = usageStore(dynamo());
    const [customer, vendor] = [unique("c"), unique("v")];
    const count = { customer, stream: `${vendor}/srv/edge`, month: "2026-11", seats: 9, countedAt: now };
    for (const machines of [3, 7, 5]) await usage.record({ ...count, machines });
    await usage.record({ ...count, month: "2026-12", machines: 1 });
    const expected = [
      { ...count, machines: 7 },
      { ...count, month: "2026-12", machines: 1 },
    ];
    expect(await collect((page) => usage.listByCustomer(customer, page))).toEqual(expected);
    await expect.poll(async () => (await usage.listByVendor(vendor)).items).toEqual(expected);
  });

  test("the log is read newest first, page by page, and has no two entries in one place", async () => {
    const audit = auditStore(dynamo());
    const log = unique("customer/");
    const entries = [1, 2, 3].map((number) => ({ log, at: now + number, who: "ann", what: `PUT ${number}` }));
    for (const entry of entries) await audit.append(entry);
    await audit.append({ ...entries[2], log, at: now + 3, who: "bob", what: "PUT 3" });
    const first = await audit.list(log, { limit: 2 });
    expect(first.items.map(({ at }) => at)).toEqual([now + 3, now + 3]);
    const rest = await audit.list(log, { cursor: first.cursor });
    expect(rest.items.map(({ what }) => what)).toEqual(["PUT 2", "PUT 1"]);
  });

  test("requests are counted within their window, each once, however many come at a time", async () => {
    const counts = requestCountsStore(dynamo());
    const who = unique("token/");
    const window = { start: 600, seconds: 60 };
    const counted = await Promise.all(Array.from({ length: 10 }, () => counts.add(who, window)));
    expect(counted.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await counts.add(who, { start: 660, seconds: 60 })).toBe(1);
  });

  test("of two requests with one key one begins, and what came to nothing or was left lying may begin again", async () => {
    const requests = idempotencyStore(dynamo());
    const begun = { key: digest(), request: digest(), startedAt: now };
    expect(await requests.begin(begun)).toBeUndefined();
    expect(await requests.begin({ ...begun, startedAt: now + 1 })).toMatchObject(begun);
    expect(await requests.begin({ ...begun, startedAt: now + 60_000 })).toBeUndefined();
    await requests.forget(begun);
    const long = { ...begun, key: digest(), answer: randomBytes(500_000).toString("base64") };
    expect(await requests.begin(long)).toBeUndefined();
    await requests.finish(long);
    expect(await requests.begin(long)).toEqual(long);
    expect(await requests.begin(begun)).toBeUndefined();
    await requests.finish({ ...begun, answer: "sealed" });
    expect(await requests.begin({ ...begun, startedAt: now + 120_000 })).toMatchObject({ answer: "sealed" });
    expect(await requests.begin({ ...begun, startedAt: now + 25 * 3_600_000 })).toBeUndefined();
  });

  test("an invitation is accepted once, in its time", async () => {
    const invitations = invitationsStore(dynamo());
    const invitation = {
      hash: digest(),
      kind: "customer" as const,
      tenant: unique("c"),
      user: "ann@example.com",
      role: "owner",
      expiresAt: now + 1000,
    };
    await invitations.create(invitation);
    await expect(invitations.accept(invitation.hash, now + 1000)).rejects.toEqual(problem("unauthorized"));
    const accepts = await Promise.allSettled([1, 2, 3].map(() => invitations.accept(invitation.hash, now)));
    expect(accepts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(invitations.accept(digest(), now)).rejects.toEqual(problem("unauthorized"));
  });

  test("who has left is no member, until the person comes back", async () => {
    const members = membersStore(dynamo());
    const ann = { tenant: unique("customer/"), user: "ann@example.com", role: "viewer", joinedAt: now };
    await members.put(ann);
    await members.put({ ...ann, role: "owner", joinedAt: now + 1 });
    expect((await members.list(ann.tenant)).items).toEqual([{ ...ann, role: "owner" }]);
    await members.remove(ann.tenant, ann.user, now);
    expect(await members.get(ann.tenant, ann.user)).toBeUndefined();
    expect((await members.list(ann.tenant)).items).toEqual([]);
    await expect(members.remove(ann.tenant, ann.user, now)).rejects.toEqual(problem("not-found"));
    await members.put(ann);
    expect(await members.get(ann.tenant, ann.user)).toMatchObject({ role: "viewer" });
  });

  test("an identity provider and a support matrix are kept whole, and the last word counts", async () => {
    const providers = identityProvidersStore(dynamo());
    const tenant = unique("customer/");
    const provider = {
      tenant,
      issuer: "https://id.example.com",
      audience: "suture",
      jwks: { keys: [{ kty: "OKP", x5c: [] }] },
      groupsClaim: "groups",
      roles: { "a group: with #signs": "owner" },
    };
    await providers.put({ ...provider, audience: "other" });
    await providers.put(provider);
    expect(await providers.get(tenant)).toEqual(provider);

    const support = supportStore(dynamo());
    const matrix = { kernels: [], builds: [], programs: ["/usr/sbin/srv"] };
    await support.put({ vendor: tenant, product: "srv", matrix });
    expect(await support.get(tenant, "srv")).toEqual(matrix);
    expect(await support.get(tenant, "other")).toBeUndefined();
  });
}
