import { describeError } from "../../../protocol/errors.ts";
import { reaches } from "../../../protocol/level.ts";
import { matchDelegated } from "../../../protocol/match.ts";
import { orderBytes } from "../../../protocol/order.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { DelegatedVariant } from "../../../protocol/wire/patch.ts";
import type { Clock } from "../../system/clock.ts";
import type { Engine, Outcome, VerifiedPatch } from "../engine.ts";
import { type Client, type Reading, unusable } from "./client.ts";
import { type OrderRecord, openOrderRecords } from "./records.ts";

export type DelegatedEngineOptions = {
  client: Client;
  /** of the running system, as the facts have them */
  host: { arch: string; kernel: string };
  clock: Clock;
  /** where the engine keeps its records; made if absent */
  directory: string;
  /** called at each step, after it is taken */
  onStep?: (step: string) => void;
};

/** What the agent hands this engine: the variants that bear its name. */
export type OrderedPatch = VerifiedPatch<DelegatedVariant>;

/** A client is asked for facts no more often than it asks its own server; milliseconds. */
const factsAge = 60 * 60_000;
/** The watch asks each second, and each question starts a program. */
const watchAge = 60_000;
/** What a client lost and could not bring back is not tried at each turn. */
const again = 15 * 60_000;
/** How long a client that works on what it was told is waited for, and how often it is asked. */
const patience = 2 * 60_000;
const pause = 2_000;

/**
 * The engine of a host that another's client patches. A patch is an order, "bring it to this level at least": the client finds,
 * verifies and applies by itself, and this engine tells whether the host has the level, tells the client to get it, and has taken
 * out again what came in for it, where the client can do that. Evidence: `client`, `level`, `before`, `added`.
 */
export function createDelegatedEngine(options: DelegatedEngineOptions): Engine {
  const { client, host, clock, directory, onStep = () => {} } = options;
  const { engine } = client;
  const records = openOrderRecords(directory);
  const say = (code: OutcomeCode, detail: string, evidence: Outcome["evidence"] = {}): Outcome => ({
    code,
    detail,
    evidence: { client: engine, ...evidence },
  });

  let last: { at: number; reading: Reading } | undefined;
  /** @param maxAge milliseconds that the answer may be old */
  const read = async (maxAge = 0): Promise<Reading> => {
    const now = clock.now();
    if (last !== undefined && maxAge > 0 && now - last.at < maxAge) return last.reading;
    // asked first: what ends meanwhile shows in what is read after it
    const isAtWork = client.isAtWork();
    const said = await client.read().catch((error: unknown) => unusable(describeError(error)));
    const reading = isAtWork ? { ...said, busy: true, detail: "what it was told is still at work" } : said;
    last = { at: now, reading };
    return reading;
  };
  const hasLevel = ({ level }: Reading, wanted: string) => reaches(engine, level, wanted);
  const levelOf = ({ level }: Reading) => level ?? "nothing";

  const foretell = async ({ variant, payload }: OrderedPatch, maxAge = 0): Promise<Outcome> => {
    if (!orderBytes(variant).equals(payload))
      return say("unsupported", "the payload is not the order that the manifest names");
    const match = matchDelegated(variant, host);
    if (!match.fits) return say("not-applicable", match.why);
    const reading = await read(maxAge);
    if (reading.unusable !== "") return say("unsupported", reading.unusable);
    if (hasLevel(reading, variant.level)) return say("already-applied", `${levelOf(reading)} is in`);
    if (reading.busy) return say("blocked", reading.detail);
    if (reading.state === "needs-reboot") return say("needs-reboot", reading.detail);
    return say("applied", "ready", { level: reading.level });
  };

  const stage = async (patch: OrderedPatch): Promise<OrderRecord> => {
    const { parts } = await read(watchAge);
    const { level } = patch.variant;
    const record: OrderRecord = {
      patch: patch.id,
      stage: "staged",
      level,
      before: [...parts],
      added: null,
      orderedAt: 0,
    };
    records.write(record);
    onStep("staged");
    return record;
  };

  /** The client's state once it is done with what it was told. */
  const readSettled = async (): Promise<Reading> => {
    const until = clock.now() + patience;
    for (;;) {
      const reading = await read();
      if (!reading.busy || clock.now() >= until) return reading;
      await clock.sleep(pause);
    }
  };

  const bring = async (patch: OrderedPatch, staged: OrderRecord): Promise<Outcome> => {
    const before = await read(watchAge);
    const record: OrderRecord = { ...staged, stage: "applying", orderedAt: clock.now() };
    records.write(record);
    onStep("noted");
    const told = await client.bring(patch.variant);
    onStep("told");
    const reading = await readSettled();
    const added = partsSince(record, reading);
    if (hasLevel(reading, record.level)) {
      records.write({ ...record, stage: "applied", added });
      onStep("in");
      return say("applied", `${levelOf(reading)} is in`, { before: before.level, level: reading.level, added });
    }
    if (staged.stage === "applied") {
      records.write({ ...staged, orderedAt: record.orderedAt });
      return say("failed", `the client has it no more: ${told.detail}`, told.evidence);
    }
    // It may come in yet: what is at work is neither in nor out
    if (told.code === "stalled" && reading.busy) return say("stalled", told.detail, told.evidence);
    const left = await takeBack({ ...record, added });
    if (left.code !== "undone") return say("undo-pending", `${told.detail}; ${left.detail}`, told.evidence);
    const why = told.code === "applied" ? `its newest is ${levelOf(reading)}, short of ${record.level}` : told.detail;
    return say(told.code === "applied" ? "not-applicable" : told.code, why, told.evidence);
  };

  /** Has taken out what came in for an order, and forgets it once nothing of it is in. */
  const takeBack = async (record: OrderRecord): Promise<Outcome> => {
    if (record.stage === "staged") return forget(record);
    const reading = await read();
    if (reading.unusable !== "") return say("undo-pending", reading.unusable);
    const added = (record.added ?? partsSince(record, reading)).filter((part) => reading.parts.includes(part));
    const isOurs = added.length > 0 || (client.takeBack === undefined && hasLevel(reading, record.level));
    if (!isOurs && !reading.busy) return forget(record);
    if (reading.busy) return say("undo-pending", reading.detail);
    records.write({ ...record, stage: "undoing", added });
    onStep("noted");
    if (client.takeBack === undefined) return say("undo-pending", `${levelOf(reading)} is in. ${client.byHand}`);
    const told = await client.takeBack(added);
    onStep("told");
    const after = await readSettled();
    const left = added.filter((part) => after.parts.includes(part));
    if (after.unusable === "" && left.length === 0) return forget(record);
    return say("undo-pending", told.code === "undone" ? `${left.join(", ")} is still in` : told.detail, told.evidence);
  };
  const forget = (record: OrderRecord): Outcome => {
    records.remove(record);
    onStep("forgotten");
    return say("undone", "nothing of it is in");
  };

  const apply = async (patch: OrderedPatch): Promise<Outcome> => {
    const record = records.of(patch.id);
    const isKept = record?.stage === "applied";
    const foretold = await foretell(patch, watchAge);
    // What came in late, or was half undone, is wanted again
    if (foretold.code === "already-applied" && record !== undefined && record.stage !== "staged" && !isKept)
      records.write({ ...record, stage: "applied", added: partsSince(record, await read(watchAge)) });
    if (foretold.code !== "applied") return foretold;
    if (isKept && clock.now() - record.orderedAt < again)
      return say("failed", `the client has it no more, and is told again in a while`);
    if (record !== undefined && record.stage !== "staged" && !isKept) {
      const back = await takeBack(record);
      if (back.code !== "undone") return back;
    }
    return await bring(patch, record?.stage === "staged" || isKept ? record : await stage(patch));
  };

  return {
    name: engine,

    async detect() {
      const { unusable: reason, busy: _busy, parts: _parts, detail, version, level, ...rest } = await read(factsAge);
      // as long as the facts may have them: no output of another's keeps this host from its check-in
      const cut = {
        version: version?.slice(0, 64) ?? null,
        level: level?.slice(0, 128) ?? null,
        detail: detail.slice(0, 500),
      };
      return {
        supported: reason === "",
        reason,
        facts: { clients: [{ engine, ...rest, ...cut }] },
      };
    },

    check: (patch: OrderedPatch) => foretell(patch),

    async stage(patch: OrderedPatch) {
      const foretold = await foretell(patch);
      if (foretold.code === "applied" && records.of(patch.id) === undefined) await stage(patch);
      return foretold;
    },

    apply,

    async verify({ variant }: OrderedPatch) {
      const match = matchDelegated(variant, host);
      if (!match.fits) return say("not-applicable", match.why);
      const reading = await read(watchAge);
      const evidence = { level: reading.level };
      return hasLevel(reading, variant.level)
        ? say("applied", `${levelOf(reading)} is in`, evidence)
        : say("failed", reading.unusable || `${levelOf(reading)} is in, not ${variant.level}`, evidence);
    },

    async undo(patchId) {
      const record = records.of(patchId);
      return record === undefined ? say("undone", "this agent put nothing of it in") : await takeBack(record);
    },

    async list() {
      const applied = records.all().filter(({ stage }) => stage === "applied" || stage === "undoing");
      if (applied.length === 0) return [];
      const reading = await read(watchAge);
      // A client that cannot tell now has lost nothing
      const isSilent = reading.busy || reading.unusable !== "";
      return applied
        .filter(({ level }) => isSilent || hasLevel(reading, level))
        .map(({ patch, level }) => ({ id: patch, targets: [{ name: `${engine} ${level}` }] }));
    },

    async recover() {
      const outcomes: Outcome[] = [];
      for (const record of records.all().filter(({ stage }) => stage !== "applied")) {
        const done = await recoverOrder(record);
        outcomes.push({ ...done, evidence: { patch: record.patch, ...done.evidence } });
      }
      return outcomes;
    },
  };

  /** What was told is finished where the level is in, else taken back. */
  async function recoverOrder(record: OrderRecord): Promise<Outcome> {
    const reading = await readSettled();
    if (record.stage !== "applying" || !hasLevel(reading, record.level)) return await takeBack(record);
    records.write({ ...record, stage: "applied", added: partsSince(record, reading) });
    return say("applied", `finished: ${levelOf(reading)} is in`);
  }
}

function partsSince({ before }: OrderRecord, { parts }: Reading): string[] {
  return parts.filter((part) => !before.includes(part));
}
