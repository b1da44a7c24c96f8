import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { exportJWK, generateKeyPair } from "jose";
import { agentApi } from "../../functions/agent-api/app.ts";
import { usualAgentLimits } from "../../functions/agent-api/limits.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { scopeOf } from "../../functions/domain/ticket.ts";
import { indexFleet } from "../../functions/jobs/fleet.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores } from "../../infra/local/stores.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf, signStatement } from "../../protocol/trust/request.ts";
import { ticketHeader } from "../../protocol/wire/check-in.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { countedDynamo, type TableUnits } from "./counted-dynamo.ts";

const start = Date.parse("2026-11-01T00:00:00Z");
const days = 30;
const stream = "acme/echod/stable";
const buildId = "ab".repeat(20);

/** What one machine costs the service in a month, on the real code path. Bytes are of the answers' bodies and headers. */
export type MachineMonth = {
  polls: number;
  checkIns: number;
  reports: number;
  bytesOut: number;
  /** of what nobody else's requests share */
  units: TableUnits;
  /** of the job that keeps the fleet's index behind the streams, and how often it looked at the machine */
  index: { units: TableUnits; looks: number };
  /** of the machine's own row, which the look for silence reads */
  rowBytes: number;
  /** what all machines of a customer, or of a channel, share while it is kept: what each load of it costs */
  loads: { account: TableUnits; channel: TableUnits };
};

export type Scenario = {
  /** seconds between polls */
  interval: number;
  /** patches that concern a machine in the month */
  patches: number;
  /** ELF builds that run on a machine, which is what a check-in's size is made of */
  builds: number;
};

/**
 * Plays a month of one machine against agent-api behind its Lambda handler, in virtual time: it polls, checks in when it is told to,
 * applies what its plan says and reports. Signatures, tickets, plans and tables are real.
 */
export async function machineMonth({ interval, patches, builds }: Scenario): Promise<MachineMonth> {
  const database = await startDynamo();
  try {
    const open = () => {
      const { dynamo, units } = countedDynamo(dynamoFetch(database));
      return { stores: openStores(dynamo), units };
    };
    const uncounted = openStores(dynamoFetch(database));
    const [own, indexing, accounts, channels] = [open(), open(), open(), open()];
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
      control: (...args: Parameters<PlanInputsCache["control"]>) => new PlanInputsCache(stores).control(...args),
    } as PlanInputsCache;
    const month = { polls: 0, checkIns: 0, reports: 0, bytesOut: 0 };
    let looks = 0;
    let now = start;
    const plans = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const service = handle(
      agentApi({
        ...stores,
        inputs,
        limits: usualAgentLimits,
        readChanges: (options) => stores.changes.read(options),
        // A repository's files are kept by whoever reads them: `bill.ts` counts the reads
        hints: new MetadataHints(
          (_, name) => Promise.resolve(name === "timestamp.json" ? timestampText : undefined),
          () => now,
        ),
        presign: (sha256) => Promise.resolve(`https://suture.example.com/bundles/${sha256}?${"x".repeat(400)}`),
        ticketKeys: [createSecretKey(randomBytes(32))],
        planKey: () => Promise.resolve({ kid: "plan-1", privateKey: plans.privateKey }),
        pollSeconds: interval,
        now: () => now,
      }),
    );

    async function call(path: string, headers: Record<string, string>, body?: string) {
      const answer = await service(event(path, headers, body), {} as LambdaContext);
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

    async function checkIn(): Promise<void> {
      const iat = Math.floor(now / 1000);
      month.checkIns++;
      const said = {
        machine,
        counter: ++counter,
        iat,
        facts,
        patches: held,
        metadata: { service: versions, acme: versions },
      };
      const { body } = await post("/v1/agent/check-in", "suture-check-in", said);
      ticket = String(body.ticket);
      const plan = JSON.parse(Buffer.from(String(body.plan).split(".")[1] ?? "", "base64url").toString()) as {
        checkInBy: number;
        actions: { do: string; patch: string }[];
      };
      ({ checkInBy } = plan);
      const applied = plan.actions.filter((action) => action.do === "apply");
      for (const { patch } of applied) {
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
      }
    }

    // As the agent does it: a check-in that the plan asks for comes when it is due, in place of a poll (agent/due.ts, agent/loop.ts)
    for (const end = start + days * 86_400_000; now < end; now += untilNext(checkInBy * 1000 - now, interval * 1000)) {
      const due = Math.floor(((now - start) / (days * 86_400_000)) * patches);
      while (published < due) await publishPatch(uncounted, ++published, now);
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
      rowBytes: Buffer.byteLength(JSON.stringify(await uncounted.machines.enrolled(machine))),
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

async function publishPatch(stores: ReturnType<typeof openStores>, number: number, now: number): Promise<void> {
  const manifest = Manifest.parse({
    manifest: 1,
    product: "echod",
    channel: "stable",
    patch: `fix-${number}`,
    version: 1,
    title: `Fix ${number}`,
    severity: "high",
    variants: [
      {
        engine: "elf",
        match: { buildId, arch: "x86_64" },
        functions: [{ name: "f", replacement: "g" }],
        bundle: { ...digest, encoding: "zstd", payload: digest },
      },
    ],
  });
  await stores.patches.put({
    id: `${stream}/fix-${number}@1`,
    manifest,
    manifestSha256: digest.sha256,
    manifestLength: 1000,
    state: "live",
    liveAt: now,
  });
  await stores.changes.advance([scopeOf.stream(stream)], now);
}

/** As the publish job signs one, and the machine holds it. */
const versions = { root: 1, timestamp: 1, snapshot: 1 };
const timestampText = JSON.stringify({
  signatures: [{ keyid: "0".repeat(64), sig: "0".repeat(142) }],
  signed: {
    _type: "timestamp",
    expires: "2026-11-28T12:00:00Z",
    meta: { "snapshot.json": { hashes: { sha256: "0".repeat(64) }, length: 1000, version: 1 } },
    spec_version: "1.0.31",
    version: 1,
  },
});

const digest = { sha256: createHash("sha256").update("bundle").digest("hex"), size: 20_000 };

async function newKeys(): Promise<MachineKeys> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return { publicKey: MachineKey.parse(await exportJWK(pair.publicKey)), privateKey: pair.privateKey };
}

function factsOf(builds: number): HostFacts {
  const others = Array.from({ length: builds - 1 }, (_, at) => ({
    buildId: createHash("sha1").update(String(at)).digest("hex"),
    path: `/usr/lib/x86_64-linux-gnu/libexample-${at}.so.1.2.3`,
    processes: 1 + (at % 7),
  }));
  return {
    hostname: "web-1.example.com",
    os: "linux",
    arch: "x86_64",
    kernel: "6.12.48+deb13-amd64",
    bootId: "00000000-0000-4000-8000-000000000000",
    agent: "0.1.0",
    builds: [{ buildId, path: "/usr/sbin/echod", processes: 1 }, ...others],
    engines: [{ name: "elf", supported: true, reason: "" }],
  };
}

function event(path: string, headers: Record<string, string>, body?: string): LambdaEvent {
  const method = body === undefined ? "GET" : "POST";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host: "id.lambda-url.us-east-1.on.aws", ...headers },
    requestContext: { domainName: "id.lambda-url.us-east-1.on.aws", http: { method, path, sourceIp: "192.0.2.1" } },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
  } as unknown as LambdaEvent;
}
