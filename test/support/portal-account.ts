import { newRollout, openWave, type Rollout } from "../../functions/domain/rollout.ts";
import { serviceAs } from "../../functions/portal/service.ts";
import type { Principal } from "../../protocol/wire/account.ts";
import { VendorCreated } from "../../protocol/wire/vendor.ts";
import type { TestPortal } from "./portal.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

/** Who signs in, by what they are: at northwind, at acme, and whoever runs the service. */
export const people = {
  owner: "ann@northwind.example",
  operator: "bo@northwind.example",
  viewer: "cy@northwind.example",
  publisher: "vera@acme.example",
  reader: "will@acme.example",
  service: "olga@suture.example",
} as const;
/** The group at the identity provider that runs the service. */
export const operators = "suture-operators";

/** What every machine has long since. */
const older = [
  { id: "acme/echod/stable/greeting@1", title: "echod greets with memory that it freed", ago: 41 },
  { id: "acme/tlsd/stable/tickets@1", title: "tlsd keeps session tickets too long", ago: 23 },
  { id: "acme/echod/stable/timeouts@1", title: "echod waits for a peer that is gone", ago: 9 },
];

/** What a fault of a page would let a tenant's own words do. */
export const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;

/**
 * A customer `northwind`, with something on every page: two rollouts, of which the second has just halted, policies, a pin, people, usage,
 * subscriptions and a support matrix. Written through the stores, as the service would.
 */
export async function fillAccount(portal: TestPortal, now: number) {
  const customer = "northwind";
  const { stores } = portal;
  const stream = "acme/echod/stable";
  const principal = { kind: "operator", tenant: "service", role: "operator" } as const;
  const operator = serviceAs(portal.service, { principal, token: "0".repeat(64), label: "test", expiresAt: now });
  await operator.call("POST", "/v1/vendors", VendorCreated, { vendor: "acme", title: "Acme" });
  await portal.customer(customer, [stream, "acme/tlsd/stable"]);
  for (const group of ["canary", "web", "db"]) await stores.customers.setGroup(customer, group, { mode: "auto" });
  const patches = { running: `${stream}/bounds-check@4`, halted: "acme/tlsd/stable/handshake@2" };
  const begin = now - 50 * minute;
  await portal.patch(
    patches.running,
    { title: "echod answers past the end of its buffer", severity: "critical", cves: ["CVE-2026-99999"] },
    begin,
  );
  await portal.patch(
    patches.halted,
    { title: "tlsd accepts an empty certificate", severity: "high", cves: ["CVE-2026-88881"] },
    begin,
  );

  const machines: Awaited<ReturnType<TestPortal["machine"]>>[] = [];
  for (let number = 1; number <= 24; number++) {
    const group = number <= 4 ? "canary" : number <= 14 ? "web" : "db";
    const enrolledAt = now - 90 * day;
    machines.push(await portal.machine(customer, { hostname: `${group}-${number}`, group, enrolledAt }));
  }
  for (const [at, { id, title, ago }] of older.entries()) {
    const liveAt = now - ago * day;
    await portal.patch(id, { title, severity: "medium", cves: [`CVE-2026-7000${at}`] }, liveAt);
    for (const [nth, machine] of machines.entries()) {
      // The canaries within minutes, the last within a day; each time a bit sooner
      const took = (8 + nth ** 2 * (4 - at)) * minute;
      await machine.report(id, "applied", {
        at: Math.floor((liveAt + took) / 1000),
        evidence: { pauseMicros: 90 + nth },
      });
    }
  }
  const waves = [
    { groups: ["canary"], bakeMinutes: 30 },
    { share: 0.5, bakeMinutes: 120 },
    { share: 1, bakeMinutes: 1440 },
  ];
  await stores.policies.put(customer, {
    name: "careful",
    order: 0,
    policy: { waves, failureLimit: 0.05, onHalt: "undo", critical: "at-once" },
  });
  await stores.policies.put(customer, {
    name: "databases",
    group: "db",
    order: 10,
    policy: {
      apply: "ask",
      windows: [{ timeZone: "Europe/Zurich", days: ["sat", "sun"], from: "22:00", to: "04:00" }],
    },
  });
  await stores.pins.put(customer, {
    name: "db-freeze",
    patch: "acme/echod/bounds-check",
    newest: 3,
    group: "db",
    reason: "Version 4 is tested by us first",
    until: new Date(now + 12 * day).toISOString(),
  });

  const begun = (patch: string, size: number): Rollout =>
    newRollout({ customer, patch, size }, { waves, failureLimit: 0.05, onHalt: "undo" }, begin);
  const running = begun(patches.running, 4);
  await stores.rollouts.create(running);
  await record(patches.running, machines.slice(0, 8), ["applied"]);
  const counts = await stores.outcomes.counts(running);
  await stores.rollouts.update(openWave(running, 12, { by: "gates", at: now - 10 * minute, counts }));
  const halted = begun(patches.halted, 4);
  await stores.rollouts.create(halted);
  await record(patches.halted, machines.slice(0, 4), ["applied", "applied", "failed", "quarantined"]);
  await stores.rollouts.update({
    ...halted,
    state: "halted",
    undo: true,
    revision: 2,
    history: [
      ...halted.history,
      { at: now - 40 * minute, what: "halted", by: "gates", wave: 0, detail: "2 of 4 machines failed" },
    ],
  });

  const joinedAt = now - 90 * day;
  for (const role of ["owner", "operator", "viewer"] as const) {
    await stores.members.put({ tenant: `customer/${customer}`, user: people[role], role, joinedAt });
  }
  await stores.members.put({ tenant: "vendor/acme", user: people.publisher, role: "publisher", joinedAt });
  await stores.members.put({ tenant: "vendor/acme", user: people.reader, role: "viewer", joinedAt });
  for (const [month, count] of [
    ["2026-08", 9],
    ["2026-09", 14],
    ["2026-10", 19],
    ["2026-11", 24],
  ] as const) {
    await stores.usage.record({ customer, stream, month, machines: count, seats: 100, countedAt: now - 20 * minute });
  }
  await stores.support.put({
    vendor: "acme",
    product: "echod",
    matrix: {
      kernels: [],
      builds: [{ title: "Debian 13, echod 2.4", arch: "x86_64", buildId: "5f".repeat(20), until: "2027-06-30" }],
      programs: ["/usr/sbin/echod"],
    },
  });

  async function record(patch: string, on: typeof machines, codes: readonly ("applied" | "failed" | "quarantined")[]) {
    const reports = on.map(({ id }, at) => {
      const cause = codes[at % codes.length] ?? "applied";
      return {
        machine: id,
        receipt: 1,
        outcome: cause === "applied" ? ("applied" as const) : ("failed" as const),
        cause,
      };
    });
    await stores.outcomes.record({ customer, patch }, reports, { phase: 1, now });
    for (const [nth, machine] of on.entries()) {
      const code = codes[nth % codes.length] ?? "applied";
      const at = Math.floor((now - (40 - nth) * minute) / 1000);
      await machine.report(patch, code, { at, evidence: code === "applied" ? { pauseMicros: 110 + nth } : {} });
    }
  }

  const as = (role: "owner" | "operator" | "viewer"): Principal => ({
    kind: "customer",
    tenant: customer,
    role,
  });
  return { customer, patches, machines, record, as };
}
