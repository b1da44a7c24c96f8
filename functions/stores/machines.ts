import { createHash } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import type { CheckInRequest, HeldPatch } from "../../protocol/wire/check-in.ts";
import type { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Waiting } from "../../protocol/wire/report.ts";
import type { Dynamo } from "./dynamo.ts";
import { pack, unpack } from "./packed.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable, putTogether, type Written } from "./table.ts";
import { tables } from "./tables.ts";

/** What a machine said of itself when it checked in last; how many processes run a build, when that or anything else changed last. */
type Said = { facts: HostFacts; patches: HeldPatch[] };
/** What is known of a machine whatever it says. */
export type Enrolled = {
  machine: string;
  customer: string;
  group: string;
  /** from its enrolment token */
  tags?: string[];
  publicKey: MachineKey;
  /** milliseconds since the epoch, as `seenAt` */
  enrolledAt: number;
  seenAt: number;
  /** of the last check-in; 0 before the first */
  counter: number;
  /** boot ids of the last three check-ins, the newest first */
  boots: string[];
  /** goes away when its work is done, and is retired soon */
  ephemeral?: boolean;
  /** milliseconds since the epoch; absent while it is part of the fleet */
  retiredAt?: number;
  retiredBy?: "itself" | "operator";
  /** when two hosts were seen last that answer to this identity; milliseconds since the epoch */
  clonedAt?: number;
  /** what it said last that it waits for, and when; nobody takes it back, so what is newer tells more */
  waiting?: Waiting & { at: number };
  /** SHA-256 of the last check-in's body, in hexadecimal; empty before the first */
  bodyHash: string;
};
export type Machine = Enrolled & Said;
export type Enrolling = Pick<
  Machine,
  "machine" | "customer" | "group" | "tags" | "publicKey" | "enrolledAt" | "facts" | "ephemeral"
>;
export type CheckIn = Pick<CheckInRequest, "counter" | "facts" | "patches"> & {
  bodyHash: string;
  /** milliseconds since the epoch, by the service's clock */
  at: number;
};
type Row = Omit<Enrolled, "boots"> & {
  /** tells whether what it says is what `said` holds (`versionOf`) */
  version?: string;
  boot?: string;
  boot1?: string;
  boot2?: string;
  /** seconds since the epoch, and how long after it was seen it may vanish */
  ttl: number;
  keptFor?: number;
};
/** One text attribute: a check-in carries up to 4096 builds, and marshalling each costs more than the call. */
type SaidRow = { machine: string; said: string; counter: number; ttl: number };

const day = 86_400;
/** A machine that was not seen for so long is forgotten, and must be enrolled anew. Seconds. */
const keptFor = 400 * day;
const ephemeralKeptFor = 30 * day;

export type MachinesStore = ReturnType<typeof machinesStore>;

/**
 * The enrolled machines. Written by agent-api, and by vendor-api where a person moves or retires one. A row is small, since each
 * check-in writes it, and its index carries keys alone; what the machine said, which is larger and mostly the same, has a table of its own.
 */
export function machinesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.machines);
  const words = openTable<SaidRow>(dynamo, tables.said);

  /** Keeps what a machine says now. Where something newer is kept already, that stays. */
  async function keep(row: Row, { counter, facts, patches }: CheckIn, version: string): Promise<void> {
    const said = { machine: row.machine, said: pack({ facts, patches } satisfies Said), counter, ttl: row.ttl };
    await words.put(said, {
      condition: "attribute_not_exists(#machine) OR #counter < :counter",
      values: { counter },
    });
    // Only now: whoever dies between the two writes the same again at the next check-in
    await table.update({ machine: row.machine }, "SET #version = :version", {
      condition: "#counter = :counter",
      values: { version, counter },
    });
  }

  return {
    /** Throws `already-exists`. */
    async enrol({ enrolledAt, facts, ...machine }: Enrolling): Promise<void> {
      const said = pack({ facts, patches: [] } satisfies Said);
      const kept = machine.ephemeral ? ephemeralKeptFor : keptFor;
      const ttl = Math.floor(enrolledAt / 1000) + kept;
      const row = { ...machine, enrolledAt, seenAt: enrolledAt, counter: 0, bodyHash: "", ttl, keptFor: kept };
      const isNew = await putTogether(dynamo, [
        table.putting(row, { condition: "attribute_not_exists(#machine)" }),
        words.putting({ machine: row.machine, said, counter: 0, ttl }),
      ]);
      if (!isNew) throw new SutureError("already-exists", `There is a machine ${machine.machine} already`);
    },

    /**
     * One conditional update; where the machine says something new, that too is written. `retry` says that this very request was
     * taken before: it gets the same answer again, and nothing changes. One that was retired, but not by an operator, is part of
     * the fleet again.
     * Throws `counter-behind` with data `{ expected }`, `unauthorized` (no such machine), `retired`.
     */
    async checkIn(machine: string, checkIn: CheckIn): Promise<{ machine: Machine; retry: boolean }> {
      const { counter, bodyHash, at, facts, patches } = checkIn;
      const written = await table.update(
        { machine },
        "SET #counter = :counter, #bodyHash = :bodyHash, #seenAt = :at, " +
          "#boot = :boot, #boot1 = if_not_exists(#boot, :none), #boot2 = if_not_exists(#boot1, :none), " +
          "#ttl = :seconds + if_not_exists(#keptFor, :keptFor) REMOVE #retiredAt, #retiredBy",
        {
          condition: "#counter < :counter AND (attribute_not_exists(#retiredBy) OR #retiredBy <> :operator)",
          values: {
            counter,
            bodyHash,
            at,
            boot: facts.bootId,
            none: "",
            seconds: Math.floor(at / 1000),
            keptFor,
            operator: "operator",
          },
        },
      );
      const row = written.done ? written.row : retried(written, checkIn);
      const version = versionOf(checkIn, row);
      if (row.version !== version) await keep(row, checkIn, version);
      return { machine: { ...toEnrolled(row), facts, patches }, retry: !written.done };
    },

    /** Takes a machine out of the fleet. Undefined where it is not, or not any more, this customer's. */
    async retire({
      machine,
      customer,
      at,
      by,
    }: Pick<Machine, "machine" | "customer"> & {
      at: number;
      by: "itself" | "operator";
    }): Promise<Enrolled | undefined> {
      const written = await table.update({ machine }, "SET #retiredAt = :at, #retiredBy = :by", {
        condition: "#customer = :customer",
        values: { customer, at, by },
      });
      return written.done ? toEnrolled(written.row) : undefined;
    },

    /** Takes a retired machine into the fleet again, where its new token says. False where it is not this customer's. */
    async readmit({
      machine,
      customer,
      group,
      tags = [],
      enrolledAt,
    }: Pick<Machine, "machine" | "customer" | "group" | "tags" | "enrolledAt">): Promise<boolean> {
      const set = "SET #group = :group, #tags = :tags, #enrolledAt = :enrolledAt, #seenAt = :enrolledAt";
      const written = await table.update({ machine }, `${set} REMOVE #retiredAt, #retiredBy`, {
        condition: "#customer = :customer",
        values: { customer, group, tags, enrolledAt },
      });
      return written.done;
    },

    /** Notes that two hosts answer to this identity. */
    async markCloned(machine: string, at: number): Promise<void> {
      await table.update({ machine }, "SET #clonedAt = :at", {
        condition: "attribute_exists(#machine)",
        values: { at },
      });
    },

    /** Notes what a machine waits for. `at` in milliseconds since the epoch, by the service's clock. */
    async noteWaiting(machine: string, waiting: Waiting & { at: number }): Promise<void> {
      await table.update({ machine }, "SET #waiting = :waiting", {
        condition: "attribute_exists(#machine)",
        values: { waiting },
      });
    },

    async get(machine: string): Promise<Machine | undefined> {
      const [row, said] = await Promise.all([table.get({ machine }), words.get({ machine })]);
      return row && said && { ...toEnrolled(row), ...wordsOf(said) };
    },

    /** A machine without what it said: half the read. */
    async enrolled(machine: string): Promise<Enrolled | undefined> {
      const row = await table.get({ machine });
      return row && toEnrolled(row);
    },

    /** The same for many at once, in the order of their ids; those that are not there are left out. */
    async enrolledMany(machines: readonly string[]): Promise<Enrolled[]> {
      return (await table.getMany(machines.map((machine) => ({ machine })))).map(toEnrolled);
    },

    /** Puts a machine into a group, with these tags. False where it is not, or not any more, this customer's. */
    async place({
      machine,
      customer,
      group,
      tags,
    }: Pick<Machine, "machine" | "customer" | "group"> & { tags: string[] }) {
      const written = await table.update({ machine }, "SET #group = :group, #tags = :tags", {
        condition: "#customer = :customer",
        values: { customer, group, tags },
      });
      return written.done;
    },

    /** Those of all customers that were seen last before a time (milliseconds since the epoch), by a look at every machine: `limit` of them. */
    async listUnseen(before: number, request: PageRequest = {}): Promise<Page<Enrolled>> {
      const page = await table.scan("#seenAt < :before", { ...request, values: { before } });
      return { ...page, items: page.items.map(toEnrolled) };
    },

    async listByCustomer(customer: string, request: PageRequest = {}): Promise<Page<Machine>> {
      const page = await table.query({ ...request, index: "byCustomer", partition: customer });
      const keys = page.items.map(({ machine }) => ({ machine }));
      const [rows, said] = await Promise.all([table.getMany(keys), words.getMany(keys)]);
      const of = new Map(said.map((row) => [row.machine, row]));
      const items = rows.flatMap((row) => {
        const found = of.get(row.machine);
        return found === undefined ? [] : [{ ...toEnrolled(row), ...wordsOf(found) }];
      });
      return { ...page, items };
    },
  };
}

/** Two check-ins of one version say the same, however many processes run a build: that changes by the minute and decides nothing. */
function versionOf({ facts, patches, at }: CheckIn, { keptFor: kept = keptFor }: Row): string {
  const builds = facts.builds.map(({ buildId, path }) => [buildId, path]);
  // Written anew now and then though it is the same, so that it never vanishes before the machine
  const period = Math.floor(at / 1000 / (kept / 4));
  const said = JSON.stringify([{ ...facts, builds }, patches, period]);
  return createHash("sha256").update(said).digest("base64url").slice(0, 22);
}

/** The machine as the first of two equal check-ins left it; throws when this one is no such repetition. */
function retried({ stored }: Written<Row> & { done: false }, { counter, bodyHash }: CheckIn): Row {
  if (!stored) throw new SutureError("unauthorized", "The machine is not enrolled here");
  if (stored.retiredBy === "operator") {
    throw new SutureError("retired", "The machine was retired: enrol it anew where it is to come back");
  }
  if (stored.counter === counter && stored.bodyHash === bodyHash) return stored;
  throw new SutureError("counter-behind", `The counter ${counter} was used before`, {
    data: { expected: stored.counter + 1 },
  });
}

function toEnrolled({ boot = "", boot1 = "", boot2 = "", ...row }: Row): Enrolled {
  const { ttl: _ttl, keptFor: _keptFor, version: _version, ...machine } = row;
  return { ...machine, boots: [boot, boot1, boot2].filter((each) => each !== "") };
}

function wordsOf({ said }: SaidRow): Said {
  return unpack(said) as Said;
}
