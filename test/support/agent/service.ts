import { randomBytes } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { type CryptoKey, exportJWK, generateKeyPair } from "jose";
import type { Http, HttpRequest, HttpResponse } from "../../../agent/system/http.ts";
import { type Code, SutureError } from "../../../protocol/errors.ts";
import { digestOf } from "../../../protocol/trust/edit.ts";
import { signPlan } from "../../../protocol/trust/plan.ts";
import { verifyReceipt } from "../../../protocol/trust/receipt.ts";
import { verifyStatement } from "../../../protocol/trust/request.ts";
import { type AgentRelease, agentReleasesPath } from "../../../protocol/wire/agent-release.ts";
import { type CheckInAnswer, CheckInRequest } from "../../../protocol/wire/check-in.ts";
import { EnrolRequest } from "../../../protocol/wire/enrol.ts";
import { Incident } from "../../../protocol/wire/incident.ts";
import { offlinePlanKeysPath } from "../../../protocol/wire/offline.ts";
import { Manifest } from "../../../protocol/wire/patch.ts";
import { type Plan, type PlanAction, planKeysPath, vendorRootPath } from "../../../protocol/wire/plan.ts";
import { toProblem } from "../../../protocol/wire/problem.ts";
import { operatorRecallsPath, vendorStopsPath } from "../../../protocol/wire/recalls.ts";
import { type Receipt, Report, type Waiting } from "../../../protocol/wire/report.ts";
import { foundRepository, type TestRepository } from "./tuf.ts";

export const server = "https://suture.test";
const stream = "echod/stable";

type Sent = CheckInRequest & { jws: string };

/** A service in memory with real keys and signatures, for agents; what it serves can be bent. */
export type TestService = {
  http: Http;
  token: string;
  /** every public file, by `repository/name` */
  files: Map<string, Uint8Array>;
  /** bundle SHA-256 → bytes */
  bundles: Map<string, Uint8Array>;
  /** Publishes a patch of acme's echod; answers the action that applies it. */
  publish(
    patch: string,
    buildId: string,
    options?: Partial<Manifest> & { payload?: string },
  ): Promise<PlanAction & { do: "apply" }>;
  /** Signs a recall of `patch@version`, and takes the manifest out of the role. */
  recall(name: string): Promise<void>;
  /** Publishes again as it stands, with these roles left out of the snapshot. */
  republish(unnamed: readonly string[]): Promise<void>;
  /** the vendor's repository and the service's own, with all of their keys */
  acme: TestRepository;
  own: TestRepository;
  /** the key that signs plans; a test that changes it is a service, or a thief, with another */
  planKey: { kid: string; privateKey: CryptoKey };
  /** Names the keys that plans may be signed with: `kid` to public key. */
  announcePlanKeys(keys: Record<string, CryptoKey>): Promise<void>;
  /** Names the keys that offline plans may be signed with. */
  announceOfflineKeys(keys: Record<string, CryptoKey>): Promise<void>;
  /** Signs the service's own repository again as it stands. */
  republishOwn(): Promise<void>;
  /** Signs a list of the agent's releases, and these tarballs: path to text. */
  release(releases: readonly AgentRelease[], tarballs: Readonly<Record<string, string>>): Promise<void>;
  /** Vouches for a vendor's first root in the `vendors` role. */
  vouchFor(vendor: string, rootText: string): Promise<void>;
  /** what the service's own recalls name: whole patch ids */
  recallAsOperator(patch: string): Promise<void>;
  /** says that a vendor is stopped, or is no longer */
  stopVendor(vendor: string, stopped: boolean): Promise<void>;
  /** what the next plans order */
  actions: PlanAction[];
  /** bends the next plan, before it is signed */
  bendPlan: (plan: Plan) => Plan;
  /** the metadata that the next answers bring along */
  hint: (asked: CheckInRequest) => CheckInAnswer["metadata"] | Promise<CheckInAnswer["metadata"]>;
  /** looks at each request first: what it answers is the answer, what it throws is the trouble */
  intercept: (request: HttpRequest) => HttpResponse | undefined;
  checkIns: Sent[];
  receipts: Receipt[];
  /** what the machine said that it waits for */
  waiting: Waiting[];
  incidents: Incident[];
};

/** Starts it. @param now milliseconds since the epoch */
export async function testService(now: () => number): Promise<TestService> {
  const files = new Map<string, Uint8Array>();
  const bundles = new Map<string, Uint8Array>();
  const acme = await foundRepository("acme", { "echod.stable": `${stream}/`, "echod.edge": "echod/edge/" }, files, now);
  const own = await foundRepository(
    "service",
    { "plan-keys": "plan-keys/", vendors: "vendors/", recalls: "recalls/", agent: "agent/" },
    files,
    now,
  );
  const vendorRoots: Record<string, string> = { [vendorRootPath("acme")]: acme.rootText };
  let released: Record<string, string> = {};
  const planKey = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const seconds = () => Math.floor(now() / 1000);
  let keysText = "";
  let offlineKeysText = "";
  const operatorRecalls: object[] = [];
  const stops: object[] = [];
  const republishOwn = () =>
    own.publish({
      "plan-keys": {
        [planKeysPath]: keysText,
        ...(offlineKeysText !== "" && { [offlinePlanKeysPath]: offlineKeysText }),
      },
      vendors: vendorRoots,
      agent: released,
      recalls: {
        ...(operatorRecalls.length > 0 && { [operatorRecallsPath]: JSON.stringify({ recalls: operatorRecalls }) }),
        ...(stops.length > 0 && { [vendorStopsPath]: JSON.stringify({ stops }) }),
      },
    });
  const keysFile = async (publicKeys: Record<string, CryptoKey>) => {
    const keys = Object.entries(publicKeys).map(async ([kid, key]) => {
      const { x } = await exportJWK(key);
      return { kid, kty: "OKP", crv: "Ed25519", x, nbf: seconds() - 60, exp: seconds() + 30 * 86_400 };
    });
    return JSON.stringify({ keys: await Promise.all(keys) });
  };
  const announcePlanKeys = async (publicKeys: Record<string, CryptoKey>) => {
    keysText = await keysFile(publicKeys);
    await republishOwn();
  };
  await announcePlanKeys({ k1: planKey.publicKey });

  const targets: Record<string, string> = {};
  const recalls: object[] = [];
  const pinned = digestOf(Buffer.from(own.rootText)).sha256;
  const publish = async (unnamed: readonly string[] = []) => {
    const withRecalls =
      recalls.length === 0 ? targets : { ...targets, [`${stream}/recalls.json`]: JSON.stringify({ recalls }) };
    await acme.publish({ "echod.stable": withRecalls }, unnamed);
  };

  const service: TestService = {
    token: `suture-enrol.${randomBytes(32).toString("base64url")}.${pinned}`,
    files,
    bundles,
    acme,
    own,
    planKey: { kid: "k1", privateKey: planKey.privateKey },
    announcePlanKeys,
    async announceOfflineKeys(publicKeys) {
      offlineKeysText = await keysFile(publicKeys);
      await republishOwn();
    },
    republishOwn,
    async release(releases, tarballs) {
      released = { ...tarballs, [agentReleasesPath]: JSON.stringify({ releases }) };
      await republishOwn();
    },
    async vouchFor(vendor, rootText) {
      vendorRoots[vendorRootPath(vendor)] = rootText;
      await republishOwn();
    },
    async recallAsOperator(patch) {
      operatorRecalls.push({ patch, reason: "it was wrong", at: new Date(now()).toISOString() });
      await republishOwn();
    },
    async stopVendor(vendor, stopped) {
      stops.push({ vendor, stopped, reason: "its key was stolen", at: new Date(now()).toISOString() });
      await republishOwn();
    },
    actions: [],
    bendPlan: (plan) => plan,
    hint: () => ({}),
    intercept: () => undefined,
    checkIns: [],
    receipts: [],
    waiting: [],
    incidents: [],
    republish: publish,
    async publish(patch, buildId, { payload = `payload of ${patch}`, ...more } = {}) {
      const raw = Buffer.from(payload);
      const packed = zstdCompressSync(raw);
      const bundle = { ...stored(packed), encoding: "zstd", payload: stored(raw) };
      bundles.set(bundle.sha256, packed);
      const manifest = Manifest.parse({
        manifest: 1,
        product: "echod",
        channel: "stable",
        patch,
        version: 1,
        title: patch,
        severity: "high",
        health: { windowSeconds: 0 },
        variants: [
          { engine: "elf", match: { buildId, arch: "x86_64" }, functions: [{ name: "f", replacement: "g" }], bundle },
        ],
        ...more,
      });
      const path = `${stream}/${manifest.patch}@${manifest.version}`;
      const text = JSON.stringify(manifest);
      targets[`${path}.json`] = text;
      await publish();
      return { do: "apply", patch: `acme/${path}`, manifest: digestOf(Buffer.from(text)).sha256 };
    },
    async recall(name) {
      delete targets[`${stream}/${name}.json`];
      recalls.push({ patch: name, reason: "it was wrong", at: new Date(now()).toISOString() });
      await publish();
    },
    async http(request) {
      const answer = service.intercept(request);
      if (answer !== undefined) return answer;
      try {
        return await respond(request);
      } catch (error) {
        return json(toProblem(error), error instanceof SutureError ? error.status : 500);
      }
    },
  };

  async function respond(request: HttpRequest): Promise<HttpResponse> {
    const { pathname } = new URL(request.url);
    const [, area = "", ...rest] = pathname.split("/");
    if (area === "tuf") return limited(files.get(rest.join("/")), request.maxBytes);
    if (area === "bundles") return limited(bundles.get(rest[0] ?? ""), request.maxBytes);
    switch (pathname) {
      case "/v1/agent/enrol": {
        const { machine } = await verifyStatement("suture-enrol", request.body ?? "", EnrolRequest);
        return json({ machine, customer: "globex", group: "default", serviceRoot: pinned }, 201);
      }
      case "/v1/agent/poll":
        return { status: 204, headers: { "suture-next-poll": "900" }, body: Buffer.alloc(0) };
      case "/v1/agent/check-in":
        return await answerCheckIn(request.body ?? "");
      case "/v1/agent/reports": {
        const { payload, key } = await verifyStatement("suture-report", request.body ?? "", Report);
        const all = payload.receipts.map((text) => verifyReceipt(text, key));
        const told = (payload.incidents ?? []).map((jws) => verifyStatement("suture-incident", jws, Incident));
        const incidents = (await Promise.all(told)).map((each) => each.payload);
        if (payload.waiting !== undefined) service.waiting.push(payload.waiting);
        service.receipts.push(...all);
        service.incidents.push(...incidents);
        return json({ acknowledged: [...all, ...incidents].map(({ sequence }) => sequence) });
      }
      default:
        throw new SutureError("not-found", pathname);
    }
  }

  async function answerCheckIn(jws: string): Promise<HttpResponse> {
    const { payload } = await verifyStatement("suture-check-in", jws, CheckInRequest);
    service.checkIns.push({ ...payload, jws });
    const iat = seconds();
    const { machine, counter: seq } = payload;
    const plan: Plan = {
      plan: 1,
      machine,
      seq,
      iat,
      exp: iat + 172_800,
      checkInBy: iat + 86_400,
      pollSeconds: 900,
      actions: service.actions,
    };
    const signed = await signPlan(service.bendPlan(plan), service.planKey);
    const downloads = Object.fromEntries([...bundles.keys()].map((sha256) => [sha256, `${server}/bundles/${sha256}`]));
    const metadata = await service.hint(payload);
    return json({ plan: signed, ticket: `ticket ${seq}`, metadata, downloads, serverTime: iat });
  }
  return service;
}

/** An `intercept` for which nobody answers at a path and below it. */
export function awayAt(path: string): TestService["intercept"] {
  return ({ url }) => {
    if (new URL(url).pathname.startsWith(path)) throw new SutureError("unreachable", "away");
    return undefined;
  };
}

/** A problem as the service answers it. */
export function problem(code: Code, data: Record<string, unknown> = {}): HttpResponse {
  const error = new SutureError(code, code, { data });
  return json(toProblem(error), error.status);
}

function limited(body: Uint8Array | undefined, maxBytes: number): HttpResponse {
  if (body === undefined) throw new SutureError("not-found", "There is none");
  if (body.length > maxBytes) throw new SutureError("too-large", "It is longer");
  return { status: 200, headers: {}, body };
}

function json(value: unknown, status = 200): HttpResponse {
  return { status, headers: {}, body: Buffer.from(JSON.stringify(value)) };
}

function stored(bytes: Uint8Array) {
  const { sha256, length } = digestOf(bytes);
  return { sha256, size: length };
}
