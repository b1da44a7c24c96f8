import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { seatsPerRun, tendSeats } from "./seats.ts";

const day = 86_400_000;
const stream = "acme/echod/stable";
const facts = { hostname: "h", os: "o", arch: "a", kernel: "k", bootId: "b", agent: "0", builds: [], engines: [] };
const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
const start = Date.parse("2026-11-29T12:00:00Z");

let stores: Stores;
let stop: () => Promise<void>;
beforeAll(async () => {
  const dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
  stop = dynamo.stop;
});
afterAll(() => stop());

it("a silent machine's seat goes to another after two weeks, and the month's usage counts both", async () => {
  const customer = "globex";
  await stores.customers.create({ customer, title: "G", createdAt: start, groups: {} });
  await stores.subscriptions.put({ customer, stream, seats: 1, endsAt: null, createdAt: start });
  for (const machine of ["m-1", "m-2"]) {
    await stores.machines.enrol({ machine, customer, group: "default", publicKey, enrolledAt: start, facts });
  }
  const claim = (machine: string, at: number) =>
    stores.seats.claim({ customer, stream, machine, seatedAt: at }, { seats: 1, at });
  const tend = (at: number) => tendSeats({ ...stores, now: at });

  expect(await claim("m-1", start)).toBe(true);
  /** What a day of hourly runs frees. */
  const tendFor = async (from: number) => {
    let freed = 0;
    for (let hour = 0; hour < 24; hour++) freed += (await tend(from + hour * 3_600_000)).freed;
    return freed;
  };
  expect(await tendFor(start + 13 * day)).toBe(0);
  expect(await claim("m-2", start + 14 * day)).toBe(false);
  expect(await tendFor(start + 14 * day + 1000)).toBe(1);
  expect(await claim("m-2", start + 15 * day)).toBe(true);
  expect(await claim("m-1", start + 15 * day)).toBe(false);
  expect(await tendFor(start + 15 * day)).toBe(0);

  const { items } = await stores.usage.listByCustomer(customer);
  expect(items.map(({ month, machines, seats }) => [month, machines, seats])).toEqual([["2026-12", 2, 1]]);
});

it("the seat of an ephemeral machine goes to another after three hours, and that of one that is not known any more at once", async () => {
  const customer = "workers";
  const hour = 3_600_000;
  await stores.customers.create({ customer, title: "W", createdAt: start, groups: {} });
  await stores.subscriptions.put({ customer, stream, seats: 3, endsAt: null, createdAt: start });
  for (const [machine, ephemeral] of [
    ["m-5", true],
    ["m-6", false],
  ] as const)
    await stores.machines.enrol({
      machine,
      customer,
      group: "default",
      publicKey,
      enrolledAt: start,
      facts,
      ephemeral,
    });
  for (const machine of ["m-5", "m-6", "m-forgotten"])
    await stores.seats.claim({ customer, stream, machine, seatedAt: start }, { seats: 3, at: start });
  expect(await tendSeats({ ...stores, now: start + 3 * hour })).toEqual({ freed: 1 });
  expect(await tendSeats({ ...stores, now: start + 3 * hour + 1000 })).toEqual({ freed: 1 });
  expect(await stores.seats.taken(customer, stream)).toBe(1);
});

it("a month's last hour is counted on the day after, and a count that went wrong is put right", async () => {
  const customer = "initech";
  const lastHour = Date.parse("2026-11-30T23:30:00Z");
  await stores.customers.create({ customer, title: "I", createdAt: start, groups: {} });
  await stores.subscriptions.put({ customer, stream, seats: 5, endsAt: null, createdAt: start });
  await stores.machines.enrol({ machine: "m-3", customer, group: "default", publicKey, enrolledAt: lastHour, facts });
  await stores.seats.claim({ customer, stream, machine: "m-3", seatedAt: lastHour }, { seats: 5, at: lastHour });
  await stores.seats.recount(customer, stream, { counted: 1, taken: 4 });
  await tendSeats({ ...stores, now: lastHour + 3_600_000 });
  const { items } = await stores.usage.listByCustomer(customer);
  expect(items.map(({ month, machines }) => [month, machines])).toEqual([
    ["2026-11", 1],
    ["2026-12", 1],
  ]);
  expect(await stores.seats.taken(customer, stream)).toBe(1);
});

it("very many seats are looked at over several runs, none of which reads more than it may, and what comes after them has its turn", async () => {
  const now = Date.parse("2027-03-10T12:00:00Z");
  const size = 1_100_000;
  for (const customer of ["y-huge", "z-small"]) {
    await stores.customers.create({ customer, title: "Y", createdAt: now, groups: {} });
    await stores.subscriptions.put({ customer, stream, seats: size, endsAt: null, createdAt: now });
  }
  let read = 0;
  const seats = {
    ...stores.seats,
    taken: () => Promise.resolve(0),
    recount: () => Promise.resolve(),
    list(customer: string, _stream: string, { limit = 100, cursor = "0" } = {}) {
      const count = { "y-huge": size, "z-small": 3 }[customer] ?? 0;
      const from = Number(cursor);
      const length = Math.min(limit, count - from);
      read += length;
      const seat = { customer, stream, seatedAt: now - 10 * day, releasedAt: now - 2 * day };
      const items = Array.from({ length }, (_, at) => ({ ...seat, machine: `m-${from + at}` }));
      return Promise.resolve({ items, ...(from + length < count && { cursor: String(from + length) }) });
    },
  };
  const used = async (customer: string) =>
    (await stores.usage.listByCustomer(customer)).items.map(({ machines }) => machines);
  for (let run = 1; run <= 3; run++) {
    read = 0;
    expect(await tendSeats({ ...stores, seats, now: now + run })).toEqual({ freed: 0 });
    expect(read).toBeLessThanOrEqual(seatsPerRun + 1000);
    expect(await used("y-huge")).toEqual(run === 3 ? [size] : []);
  }
  expect(await used("z-small")).toEqual([3]);
});
