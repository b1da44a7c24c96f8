import { randomBytes } from "node:crypto";
import { outcomeOf } from "../../functions/domain/outcome.ts";
import { type Rollout, waveOf } from "../../functions/domain/rollout.ts";
import { collect } from "../../functions/stores/page.ts";
import { SutureError } from "../../protocol/errors.ts";
import { type Nature, type SimHost, simHost } from "./host.ts";
import { fair, foul, network } from "./network.ts";
import { buildId, simPublisher, stream } from "./publisher.ts";
import { server, startSimService } from "./service.ts";
import { seeded, VirtualTime } from "./virtual-time.ts";

const minute = 60_000;
const customer = "globex";
const waves = [
  { share: 0.05, bakeMinutes: 30 },
  { share: 0.25, bakeMinutes: 30 },
  { share: 1, bakeMinutes: 60 },
];
/** Hosts that must never be patched, beside the others: of another build, and of a customer without a subscription. */
const controls = 10;
/** When the patch goes live, and for how long the end is watched. */
const liveAfter = 20 * minute;
const settleFor = 100 * minute;
const givesUpAfter = 12 * 60 * minute;
const [restartAfter, restartTakes] = [liveAfter + 12 * minute, 3 * minute];

export type RolloutOptions = {
  dataDir: string;
  hosts: number;
  bad: number;
  chaos: boolean;
  seed: number;
  log: (line: string) => void;
};
/** Times are milliseconds of virtual time; `haltMs` is from the rollout's start, null where nothing was halted. */
export type RolloutVerdict = {
  ok: boolean;
  hosts: number;
  bad: number;
  halted: boolean;
  applied: number;
  appliedBeforeHalt: number;
  undone: number;
  undoPending: number;
  haltMs: number | null;
  wronglyPatched: number;
  reconciled: boolean;
  waves: number[];
  virtualMinutes: number;
};

/** Rolls a patch out that breaks a share of the hosts, and says what became of it. */
export async function simulateRollout({
  dataDir,
  hosts: count,
  bad,
  chaos,
  seed,
  log,
}: RolloutOptions): Promise<RolloutVerdict> {
  const random = seeded(seed);
  const time = new VirtualTime(Date.now());
  const begun = time.now();
  const options = { dataDir, now: () => time.now(), secret: randomBytes(32), disorder: chaos ? random : undefined };
  let service = await startSimService(options);
  let isDown = false;
  let hasNews = false;
  const http = network(
    (request) => {
      // Check-ins change no table that has a stream
      hasNews ||= request.url.endsWith("/v1/agent/reports");
      return service.fetch(request);
    },
    { time, random, weather: chaos ? foul : fair, isDown: () => isDown },
  );

  const publisher = await simPublisher(() => service);
  for (const each of [customer, "initech"])
    await service.stores.customers.create({ customer: each, title: each, createdAt: begun, groups: {} });
  await service.stores.subscriptions.put({ customer, stream, seats: count + controls, endsAt: null, createdAt: begun });
  await service.stores.policies.put(customer, { name: "all", order: 0, policy: { waves, onHalt: "undo" } });
  await service.followStreams();

  let patch = "";
  let wronglyPatched = 0;
  const rolloutNow = async () => (patch === "" ? undefined : await service.stores.rollouts.get(customer, patch));
  async function onApply({ agent: { enrolment, host } }: SimHost): Promise<void> {
    const rollout = await rolloutNow();
    const isOpen =
      rollout !== undefined &&
      (rollout.state === "done" ||
        (rollout.state === "running" &&
          waveOf(rollout.waves, patch, { id: enrolment.machine, group: enrolment.group }) <= rollout.wave));
    if (!isOpen || host.hostname.startsWith("control")) wronglyPatched++;
  }
  const troubles = new Map<string, number>();
  const onTrouble = (code: string) => void troubles.set(code, (troubles.get(code) ?? 0) + 1);
  const tokens = {
    ours: await service.enrolmentToken(customer, count + controls),
    theirs: await service.enrolmentToken("initech", controls),
  };
  const newHost = (hostname: string, token: string, build: string, nature: Nature) =>
    simHost({ time, http, server, token, hostname, buildId: build, nature, random, onApply, onTrouble });
  const hosts: SimHost[] = [];
  for (let at = 0; at < count; at++)
    hosts.push(await newHost(`host-${at}`, tokens.ours, buildId, natureOf(at, count, bad, random)));
  for (let at = 0; at < controls; at++) {
    (await newHost(`control-build-${at}`, tokens.ours, "cd".repeat(20), "good")).start(random() * 15 * minute);
    (await newHost(`control-customer-${at}`, tokens.theirs, buildId, "good")).start(random() * 15 * minute);
  }
  log(`${count} hosts are enrolled, ${hosts.filter(({ nature }) => nature !== "good").length} of them bad`);
  for (const host of hosts) host.start(random() * 15 * minute);
  if (chaos) trouble(hosts, time, random);

  let settled: { at: number; rollout: Rollout } | undefined;
  const open: number[] = [];
  time.begin(async () => {
    patch = await publisher.publish("fix");
    hasNews = true;
    log(`${patch} is live`);
  }, liveAfter);
  if (chaos) {
    time.begin(async () => {
      isDown = true;
      await service.stop();
      await time.sleep(restartTakes);
      service = await startSimService(options);
      isDown = false;
      hasNews = true;
      log("the service was restarted");
    }, restartAfter);
  }
  time.begin(async () => {
    for (let second = 0; settled === undefined || time.now() < settled.at + settleFor; second++) {
      await time.sleep(1000);
      if (time.now() > begun + givesUpAfter)
        throw new SutureError("internal", "The rollout came to no end in 12 hours");
      if (isDown) continue;
      if (second % 15 === 0) await service.runGates();
      if (!hasNews && second % 60 !== 0) continue;
      hasNews = false;
      await service.followStreams();
      const rollout = await rolloutNow();
      if (rollout === undefined) continue;
      while (open.length <= rollout.wave) open.push(rollout.history.at(-1)?.at ?? 0);
      if (settled === undefined && rollout.state !== "running") {
        settled = { at: time.now(), rollout };
        log(`${rollout.state} in wave ${rollout.wave + 1}: ${rollout.history.at(-1)?.detail ?? ""}`);
      }
    }
  });
  const isOver = () => settled !== undefined && time.now() >= settled.at + settleFor;
  await time.run(isOver);
  log(
    `agents complained: ${[...troubles].map(([code, times]) => `${code} ${times} times`).join(", ") || "of nothing"}`,
  );
  await service.followStreams();

  const rollout = await rolloutNow();
  if (rollout === undefined) throw new SutureError("internal", "There is no rollout");
  const event = (what: string) => rollout.history.find((each) => each.what === what)?.at;
  const [startedAt = 0, haltedAt] = [event("started"), event("halted")];
  const applied = hosts.filter(({ appliedAt }) => appliedAt !== undefined);
  const stillIn = applied.filter((host) => host.isIn());
  const halted = rollout.state === "halted";
  const verdict = {
    hosts: count,
    bad,
    halted,
    applied: applied.length,
    appliedBeforeHalt: applied.filter(({ appliedAt = 0 }) => haltedAt === undefined || appliedAt <= haltedAt).length,
    undone: applied.length - stillIn.length,
    undoPending: halted ? stillIn.length : 0,
    haltMs: haltedAt === undefined ? null : haltedAt - startedAt,
    wronglyPatched,
    reconciled: await reconciles(service.stores, patch, hosts),
    waves: rollout.history.filter(({ what }) => what === "wave").map(({ at }) => Math.round((at - startedAt) / minute)),
    virtualMinutes: Math.round((time.now() - begun) / minute),
  };
  await service.stop();
  return { ok: isRight(verdict, rollout), ...verdict };
}

/** Bad hosts are spread over all; every fifth of them dies of the patch without a word. */
function natureOf(at: number, count: number, bad: number, random: () => number): Nature {
  const isBad = Math.floor((at + 1) * bad) > Math.floor(at * bad);
  if (!isBad || count === 0) return "good";
  return random() < 0.2 ? "dies" : "unhealthy";
}

/** Hosts that are off for a while, and hosts whose clock jumps. */
function trouble(hosts: readonly SimHost[], time: VirtualTime, random: () => number): void {
  for (const host of hosts) {
    if (random() < 0.03) {
      const from = time.now() + random() * 120 * minute;
      host.off = { from, until: from + 40 * minute };
    }
    if (random() < 0.05) {
      time.begin(
        async () => {
          host.clockError = (random() - 0.5) * 4 * 60 * minute;
        },
        random() * 120 * minute,
      );
    }
  }
}

/** Whether counts, states and hosts say the same. A machine counted as silent still has whatever it said last. */
async function reconciles(
  { outcomes, states }: Awaited<ReturnType<typeof startSimService>>["stores"],
  patch: string,
  hosts: readonly SimHost[],
): Promise<boolean> {
  const counts = await outcomes.counts({ customer, patch });
  const rows = (await collect((page) => states.listByPatch(patch, page))).filter((each) => each.customer === customer);
  const of = (outcome: string) => rows.filter((row) => outcomeOf(row) === outcome).length;
  const silent = counts.causes.silent ?? 0;
  const said = new Set(rows.filter((row) => outcomeOf(row) === "applied").map(({ machine }) => machine));
  // What a host did while it could not tell anybody is not known to anybody
  const told = hosts.filter(({ agent }) => agent.outbox.waiting().length === 0);
  return (
    counts.applied === of("applied") - silent &&
    counts.failed === of("failed") + silent &&
    counts.undone === of("undone") &&
    counts.undoing === of("undoing") &&
    told.every(({ agent, isIn }) => agent.patches.all().length === 0 || said.has(agent.enrolment.machine) === isIn())
  );
}

function isRight(verdict: Omit<RolloutVerdict, "ok">, rollout: Rollout): boolean {
  const { hosts, bad, halted, applied, appliedBeforeHalt, undone, undoPending, wronglyPatched, reconciled } = verdict;
  if (wronglyPatched > 0 || !reconciled) return false;
  if (bad === 0) return !halted && rollout.state === "done" && applied === hosts;
  return (
    halted && rollout.wave === 0 && appliedBeforeHalt < Math.max(hosts / 10, 1) && undone + undoPending === applied
  );
}
