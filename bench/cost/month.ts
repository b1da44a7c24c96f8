import { createSecretKey, randomBytes } from "node:crypto";
import { handle, type LambdaContext } from "hono/aws-lambda";
import { generateKeyPair } from "jose";
import { agentApi } from "../../functions/agent-api/app.ts";
import { usualAgentLimits } from "../../functions/agent-api/limits.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { indexFleet } from "../../functions/jobs/fleet.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores } from "../../infra/local/stores.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { machineIdOf, signStatement } from "../../protocol/trust/request.ts";
import { type CheckInAnswer, ticketHeader } from "../../protocol/wire/check-in.ts";
import { patchPath } from "../../protocol/wire/names.ts";
import { functionUrlEvent } from "../function-url.ts";
import { bytesAtRest } from "./at-rest.ts";
import { countedDynamo, type TableUnits } from "./counted-dynamo.ts";
import { factsOf, newKeys } from "./host.ts";
import { openRepositories } from "./repositories.ts";
import { rolloutJobs } from "./rollouts.ts";
import { publishPatch, stream } from "./vendor.ts";

const start = Date.parse("2026-11-01T00:00:00Z");
const days = 30;

/** What one machine costs the service in a month, on the real code path. Bytes are of the answers' bodies and headers. */
export type MachineMonth = {
  polls: number;
  checkIns: number;
  reports: number;
  /** of files of a repository that did not come with a plan */
  publicReads: number;
  bytesOut: number;
  /** of what nobody else's requests share */
  units: TableUnits;
  /** of the job that keeps the fleet's index behind the streams, and how often it looked at the machine */
  index: { units: TableUnits; looks: number };
  /** of the jobs that roll patches out and watch the machine after an apply */
  rollouts: TableUnits;
  /** of the machine's own row, which the look for silence reads */
  rowBytes: number;
  /** of its rows in all tables and indexes: what there is from its enrolment on, what the month's patches added, and of that what is seldom read */
  atRest: { steady: number; added: number; archived: number };
  /** what all machines of a customer, or of a channel, share while it is kept: what each load of it costs */
  loads: { account: TableUnits; channel: TableUnits };
};

export type Scenario = {
  /** seconds between polls */
  interval: number;
  /** patches that concern a machine in the month */
  patches: number;
  /** in the service's repository */
  vendors: number;
  /** ELF builds that run on a machine, which is what a check-in's size is made of */
  builds: number;
};

/**
 * Plays a month of one machine against agent-api behind its Lambda handler, in virtual time: it polls, checks in when it is told to,
 * applies what its plan says and reports. Signatures, tickets, plans and tables are real.
 */
export async function machineMonth({ interval, patches, vendors, builds }: Scenario): Promise<MachineMonth> {
  const database = await startDynamo();
  try {
    const open = () => {
      const { dynamo, units } = countedDynamo(dynamoFetch(database));
      return { stores: openStores(dynamo), units };
    };
    const uncounted = openStores(dynamoFetch(database));
    const [own, indexing, rolling, accounts, channels] = [open(), open(), open(), open(), open()];
    const { stores } = own;
    const loaded = { accounts: 0, channels: 0 };
    // Nothing is kept, so that each use is a load that is counted; `bill.ts` says how many a fleet needs
    const inputs = {
      account: (...args: Parameters<PlanInputsCache["account"]>) => {
        loaded.accounts++;
        return new PlanInputsCache(accounts.stores).account(...args);
      },
      patches: (...args: Parameters<PlanInputsCache["patches"]>) => {
        loaded.channels += args[0].length;
        return new PlanInputsCache(channels.stores).patches(...args);
      },
      decided: (...args: Parameters<PlanInputsCache["decided"]>) => new PlanInputsCache(stores).decided(...args),
    } as PlanInputsCache;
    const repositories = openRepositories(start, vendors);
    let versions = repositories.versions();
    const month = { polls: 0, checkIns: 0, reports: 0, publicReads: 0, bytesOut: 0 };
    let looks = 0;
    let now = start;
    const plans = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const service = handle(
      agentApi({
        ...stores,
        inputs,
        limits: usualAgentLimits,
        readChanges: (options) => stores.changes.read(options),
        // What an instance reads of the repositories it keeps: `bill.ts` counts the reads
        hints: new MetadataHints(repositories.read, () => now),
        presign: (sha256) => Promise.resolve(`https://suture.example.com/bundles/${sha256}?${"x".repeat(400)}`),
        ticketKeys: [createSecretKey(randomBytes(32))],
        planKey: () => Promise.resolve({ kid: "plan-1", privateKey: plans.privateKey }),
        pollSeconds: interval,
        now: () => now,
      }),
    );

    async function call(path: string, headers: Record<string, string>, body?: string) {
      const answer = await service(functionUrlEvent(path, headers, body), {} as LambdaContext);
      const text = answer.body ?? "";
      month.bytesOut += Buffer.byteLength(text) + JSON.stringify(answer.headers ?? {}).length;
      if (answer.statusCode >= 400) throw new Error(`${path} answered ${answer.statusCode}: ${text}`);
      return { status: answer.statusCode, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
    }

    const keys = await newKeys();
    const machine = machineIdOf(keys.publicKey);
    const facts = factsOf(builds);
    await uncounted.customers.create({
      customer: "globex",
      title: "Globex",
      createdAt: now,
      groups: { default: { mode: "auto" } },
    });
    await uncounted.subscriptions.put({ customer: "globex", stream, seats: 10, endsAt: null, createdAt: now });
    await uncounted.machines.enrol({
      machine,
      customer: "globex",
      group: "default",
      publicKey: keys.publicKey,
      enrolledAt: now,
      facts,
    });

    let ticket = "";
    let checkInBy = 0;
    let counter = 0;
    let sequence = 0;
    const held: { patch: string; state: "applied"; since: number }[] = [];
    let published = 0;
    const post = async (path: string, type: "suture-check-in" | "suture-report", payload: object) =>
      call(path, { "content-type": "application/jose" }, await signStatement(type, payload, keys));

    /** What the job behind the streams does when the machine's row has changed. */
    async function index(): Promise<void> {
      looks++;
      const kept = new PlanInputsCache(uncounted);
      await indexFleet([machine], { ...indexing.stores, inputs: kept, now: () => now });
    }

    const rollouts = rolloutJobs(uncounted, rolling.stores);

    async function checkIn(): Promise<void> {
      const iat = Math.floor(now / 1000);
      month.checkIns++;
      const said = {
        machine,
        counter: ++counter,
        iat,
        facts,
        patches: held,
        metadata: versions,
      };
      versions = repositories.versions();
      const { body } = await post("/v1/agent/check-in", "suture-check-in", said);
      ticket = String(body.ticket);
      const plan = JSON.parse(Buffer.from(String(body.plan).split(".")[1] ?? "", "base64url").toString()) as {
        checkInBy: number;
        actions: { do: string; patch: string }[];
      };
      ({ checkInBy } = plan);
      const applied = plan.actions.filter((action) => action.do === "apply");
      for (const { patch } of applied) {
        const metadata = body.metadata as CheckInAnswer["metadata"];
        for (const file of repositories.readFor(`${patch.slice(patch.indexOf("/") + 1)}.json`))
          if (metadata.acme?.[file] === undefined) month.publicReads++;
        held.push({ patch, state: "applied", since: iat });
        const receipt = { machine, sequence: ++sequence, patch, manifest: "0".repeat(64) };
        const more = {
          action: "apply",
          code: "applied",
          detail: "applied",
          evidence: { pause: 120, processes: 1 },
          planSeq: counter,
          at: iat,
        } as const;
        month.reports++;
        const receipts = [await signReceipt({ ...receipt, ...more }, keys)];
        await post("/v1/agent/reports", "suture-report", { machine, receipts });
        await rollouts.count(machine, patch, now);
      }
    }

    // As the agent does it: a check-in that the plan asks for comes when it is due, in place of a poll (agent/due.ts, agent/loop.ts)
    for (const end = start + days * 86_400_000; now < end; now += untilNext(checkInBy * 1000 - now, interval * 1000)) {
      const due = Math.floor(((now - start) / (days * 86_400_000)) * patches);
      repositories.renew(now);
      while (published < due) {
        const { manifest, row } = await publishPatch(uncounted, ++published, now);
        repositories.publish(`${patchPath(manifest)}.json`, JSON.stringify(manifest));
        await rollouts.begin(row);
      }
      await rollouts.look(now);
      if (now < checkInBy * 1000) {
        month.polls++;
        const { status } = await call("/v1/agent/poll", { [ticketHeader]: ticket });
        if (status === 204) continue;
      }
      const reports = month.reports;
      await checkIn();
      await index();
      // The states' stream is another than the machines': the job looks again, and finds that all is told
      if (month.reports > reports) await index();
    }
    return {
      ...month,
      units: own.units,
      index: { units: indexing.units, looks },
      rollouts: rolling.units,
      rowBytes: Buffer.byteLength(JSON.stringify(await uncounted.machines.enrolled(machine))),
      atRest: {
        steady: await bytesAtRest(database, ["machines", "said", "fleet", "seats"]),
        added: await bytesAtRest(database, ["states", "outcomes", "standings"]),
        archived: await bytesAtRest(database, ["receipts"]),
      },
      loads: { account: each(accounts.units, loaded.accounts), channel: each(channels.units, loaded.channels) },
    };
  } finally {
    await database.stop();
  }
}

function untilNext(due: number, interval: number): number {
  return Math.min(interval, Math.max(due, 60_000));
}

function each({ readUnits, writeUnits }: TableUnits, count: number): TableUnits {
  return { readUnits: readUnits / count, writeUnits: writeUnits / count };
}
