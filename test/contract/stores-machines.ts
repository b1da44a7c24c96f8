import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { type CheckIn, type Enrolling, machinesStore } from "../../functions/stores/machines.ts";
import { receiptsStore } from "../../functions/stores/receipts.ts";
import { type PatchState, statesStore } from "../../functions/stores/states.ts";
import { tableName, tables } from "../../functions/stores/tables.ts";
import { SutureError } from "../../protocol/errors.ts";
import { digest, now, problem, unique } from "./stores-data.ts";

const facts = {
  hostname: "h",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [],
  engines: [],
};

/** What the stores of machines and their reports promise. */
export function machinesContract(dynamo: () => Dynamo) {
  const enrolling = (customer = unique("c")): Enrolling => ({
    machine: `m-${randomBytes(16).toString("hex")}`,
    customer,
    group: "web",
    publicKey: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) },
    enrolledAt: now,
    facts,
  });
  const checkIn = (counter: number, more: Partial<CheckIn> = {}): CheckIn => ({
    counter,
    bodyHash: digest(),
    at: now + counter,
    facts: { ...facts, kernel: "6.2" },
    patches: [{ patch: "v/srv/stable/fix@1", state: "applied", since: 7 }],
    ...more,
  });

  test("what a machine waits for is kept over its check-ins, and nobody who is not enrolled waits", async () => {
    const machines = machinesStore(dynamo());
    const enrolled = enrolling();
    await machines.enrol(enrolled);
    const tasks = [{ task: "worker", pid: 7 }];
    const waiting = { patch: "v/srv/stable/fix@1", action: "undo" as const, since: 9, tasks, at: now };
    await machines.noteWaiting(enrolled.machine, waiting);
    await machines.checkIn(enrolled.machine, checkIn(1));
    expect(await machines.get(enrolled.machine)).toMatchObject({ waiting });
    const stranger = enrolling().machine;
    await machines.noteWaiting(stranger, waiting);
    expect(await machines.get(stranger)).toBeUndefined();
  });

  test("a check-in updates the machine, said again changes nothing, and a used counter is refused with the next one", async () => {
    const machines = machinesStore(dynamo());
    const enrolled = enrolling();
    const { machine } = enrolled;
    await machines.enrol(enrolled);
    await expect(machines.enrol(enrolled)).rejects.toEqual(problem("already-exists"));
    expect(await machines.get(machine)).toEqual({
      ...enrolled,
      seenAt: now,
      counter: 0,
      boots: [],
      bodyHash: "",
      patches: [],
    });

    const third = checkIn(3);
    const { at, ...said } = third;
    const after = { ...enrolled, ...said, seenAt: at, boots: ["b"] };
    expect(await machines.checkIn(machine, third)).toEqual({ machine: after, retry: false });
    expect(await machines.checkIn(machine, { ...third, at: at + 9 })).toEqual({ machine: after, retry: true });
    for (const counter of [1, 3]) {
      await expect(machines.checkIn(machine, checkIn(counter))).rejects.toEqual(
        problem("counter-behind", { expected: 4 }),
      );
    }
    expect(await machines.get(machine)).toEqual(after);
    await expect(machines.checkIn(enrolling().machine, third)).rejects.toEqual(problem("unauthorized"));
  });

  test("what a machine says again is not written again, what it says anew is, and a write that failed is made up for", async () => {
    let isDown = false;
    let writes = 0;
    const watched: Dynamo = {
      send(operation, input) {
        const isWrite = operation === "PutItem" && "TableName" in input && input.TableName === tableName(tables.said);
        if (isWrite) writes++;
        if (isWrite && isDown) return Promise.reject(new SutureError("unavailable", "down"));
        return dynamo().send(operation, input);
      },
    };
    const machines = machinesStore(watched);
    const enrolled = enrolling();
    await machines.enrol(enrolled);
    const builds = (processes: number, ...names: string[]) => ({
      facts: { ...facts, builds: names.map((path) => ({ buildId: "ab".repeat(20), path, processes })) },
    });
    await machines.checkIn(enrolled.machine, checkIn(1, builds(1, "/a")));
    await machines.checkIn(enrolled.machine, checkIn(2, builds(9, "/a")));
    expect(writes).toBe(1);
    const anew = builds(9, "/a", "/b");
    isDown = true;
    await expect(machines.checkIn(enrolled.machine, checkIn(3, anew))).rejects.toEqual(problem("unavailable"));
    isDown = false;
    await machines.checkIn(enrolled.machine, checkIn(4, anew));
    expect(await machines.get(enrolled.machine)).toMatchObject({ counter: 4, ...anew });
    await machines.checkIn(enrolled.machine, checkIn(5, { ...anew, at: now + 101 * 86_400_000 }));
    expect(writes).toBe(4);
  });

  test("machines that were not seen since a time are found among all, whosever they are", async () => {
    const machines = machinesStore(dynamo());
    const [silent, other] = [enrolling(), enrolling()];
    // Long before what any other test of this database enrols
    const long = 86_400_000;
    for (const each of [silent, other]) await machines.enrol({ ...each, enrolledAt: long });
    await machines.checkIn(other.machine, checkIn(1));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await machines.listUnseen(long + 1, { cursor, limit: 50 });
      found.push(...page.items.map(({ machine }) => machine));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found).toEqual([silent.machine]);
  });

  test("a customer's machines come in pages that hold each once, and a cursor leads nowhere else", async () => {
    const machines = machinesStore(dynamo());
    const [mine, theirs] = [unique("c"), unique("c")];
    const enrolled = Array.from({ length: 105 }, () => enrolling(mine));
    for (const machine of enrolled) await machines.enrol(machine);
    for (let i = 0; i < 2; i++) await machines.enrol(enrolling(theirs));
    await expect.poll(async () => (await machines.listByCustomer(mine)).items.length).toBe(100);
    await expect.poll(async () => (await machines.listByCustomer(theirs)).items.length).toBe(2);

    const first = await machines.listByCustomer(mine, { limit: 2 });
    const rest = await machines.listByCustomer(mine, { limit: 1000, cursor: first.cursor });
    expect([first.items.length, rest.cursor]).toEqual([2, undefined]);
    const ids = [...first.items, ...rest.items].map(({ machine }) => machine);
    expect(ids).toEqual(enrolled.map(({ machine }) => machine).toSorted());

    const crossed = await machines.listByCustomer(theirs, { cursor: first.cursor });
    expect(crossed.items.filter(({ customer }) => customer !== theirs)).toEqual([]);
    for (const cursor of ["", "!", "bnVsbA", "W10", "eyJtYWNoaW5lIjp7IlMiOjF9fQ"]) {
      await expect(machines.listByCustomer(mine, { cursor })).rejects.toEqual(problem("invalid-request"));
    }
  });

  test("a retired machine is back with its next check-in, but where an operator retired it; a new token lets that one in", async () => {
    const machines = machinesStore(dynamo());
    const enrolled = { ...enrolling(), ephemeral: true };
    const { machine, customer } = enrolled;
    await machines.enrol(enrolled);
    expect(await machines.retire({ machine, customer, at: now, by: "itself" })).toMatchObject({ retiredAt: now });
    const back = (await machines.checkIn(machine, checkIn(1))).machine;
    expect([back.retiredAt, back.retiredBy, back.ephemeral]).toEqual([undefined, undefined, true]);
    expect(await machines.retire({ machine, customer: unique("c"), at: now, by: "operator" })).toBeUndefined();
    await machines.retire({ machine, customer, at: now, by: "operator" });
    await expect(machines.checkIn(machine, checkIn(2))).rejects.toEqual(problem("retired"));
    expect(await machines.readmit({ machine, customer: unique("c"), group: "x", enrolledAt: now })).toBe(false);
    expect(await machines.readmit({ machine, customer, group: "web", enrolledAt: now })).toBe(true);
    expect((await machines.checkIn(machine, checkIn(2))).machine).toMatchObject({ group: "web", counter: 2 });
  });

  test("receipts that come twice or out of order leave the newest state", async () => {
    const states = statesStore(dynamo());
    const customer = unique("c");
    const state = (receipt: number, code: PatchState["state"]): PatchState => ({
      machine: "m-1",
      patchId,
      customer,
      state: code,
      action: "apply",
      detail: "",
      at: now,
      receipt,
    });
    const patchId = `${unique("v")}/srv/stable/fix@1`;
    expect(await states.record(state(2, "applied"))).toBe(true);
    expect(await states.record(state(1, "failed"))).toBe(false);
    expect(await states.record(state(2, "failed"))).toBe(false);
    expect((await states.listByMachine("m-1")).items).toContainEqual(state(2, "applied"));
    expect(await states.record(state(3, "undone"))).toBe(true);
    await expect.poll(async () => (await states.listByPatch(patchId)).items).toEqual([state(3, "undone")]);
    await expect.poll(async () => (await states.listByCustomer(customer)).items).toEqual([state(3, "undone")]);
  });

  test("trouble stays with a patch until it went out and in again, whichever of receipts and incidents comes first or twice", async () => {
    const states = statesStore(dynamo());
    const customer = unique("c");
    const trouble = { kind: "crash-loop" as const, detail: "it ended five times", at: now, sequence: 2 };
    const said = { 1: "applied", 3: "applied", 4: "undone" } as const;
    const told = ["2", "1", "3", "4"] as const;
    for (const order of [told, [...told].reverse(), ["1", "2", "4", "3", "2"] as const]) {
      const [machine, patchId] = [unique("m"), `${unique("v")}/srv/stable/fix@1`];
      const key = { machine, patchId, customer };
      const receive = (receipt: number, state: PatchState["state"]) =>
        states.record({ ...key, state, action: "apply", detail: "", at: now, receipt });
      for (const each of order) {
        if (each === "2") await states.blame(key, trouble, now - 1000);
        else await receive(Number(each), said[each]);
      }
      expect((await states.listByMachine(machine)).items).toMatchObject([{ state: "undone", receipt: 4, trouble }]);
      expect(await states.blame(key, { ...trouble, detail: "again" }, now)).toBe(false);
      await receive(5, "applied");
      const [again] = (await states.listByMachine(machine)).items;
      expect(again).toEqual({ ...key, state: "applied", action: "apply", detail: "", at: now, receipt: 5 });
      await receive(6, "undone");
      expect((await states.listByMachine(machine)).items[0]?.trouble).toBeUndefined();
    }
  });

  test("a receipt is kept once, and the newest is listed first", async () => {
    const receipts = receiptsStore(dynamo());
    const machine = unique("m");
    const receipt = (sequence: number) => ({ machine, sequence, receipt: `jws-${sequence}`, receivedAt: now });
    const said = [9, 10, 2, 10, 100];
    const fresh = [];
    for (const sequence of said) fresh.push(await receipts.put(receipt(sequence)));
    expect(fresh).toEqual([true, true, true, false, true]);
    expect(await receipts.put({ ...receipt(2), receipt: "other" })).toBe(false);
    const first = await receipts.listByMachine(machine, { limit: 3 });
    const rest = await receipts.listByMachine(machine, { limit: 3, cursor: first.cursor });
    expect([...first.items, ...rest.items]).toEqual([100, 10, 9, 2].map(receipt));
    expect(await receipts.count(machine)).toBe(4);
  });
}
