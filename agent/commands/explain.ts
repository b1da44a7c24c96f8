import { type Explanation, sentences } from "../../protocol/wire/explain.ts";
import { PatchId, parsePatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Refusal } from "../../protocol/wire/refusal.ts";
import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { whyOff } from "../patches/off.ts";
import { isStale } from "../round/due.ts";
import { readEnrolment } from "../state/identity.ts";
import { required } from "../state/json-file.ts";
import { isOnHost, isPartlyApplied, type PatchesStore, patchesStore } from "../state/patches.ts";
import { refusalsFile } from "../state/refusals.ts";
import { type Session, sessionFile } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import { refusalLine } from "../trust/refusals.ts";
import { nextStep } from "./next-step.ts";
import { exitCode, type Result } from "./output.ts";

/** What the service's verdict leaves unsaid: a plan names no patch that it neither applies nor holds. */
const unnamed =
  "The last plan does not name it: no channel of the customer's has it, or another takes its place. `suture explain` asks the service.";

/**
 * `suture-agent explain PATCH`: why this host has a patch or does not get it. What is decided on the host comes first, then the reason
 * in the last verified plan, which the service's planning function gave. Needs no network and touches nothing. A patch that nothing here
 * names exits as "needs attention": it may be a typing error.
 */
export async function explain({ config, patch }: { config: Config; patch: string }): Promise<Result> {
  const { state } = config;
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const session = required(sessionFile(state), "session.json");
  const store = patchesStore(state);
  const record = store.get(id);
  const verdict = verdictOf(id, store, session);
  const unreported = session.reported?.unreported ?? null;
  const sentence = verdict === "unknown" ? unnamed : sentences[verdict];
  const plan = session.plan && { seq: session.plan.seq, verifiedAt: new Date(session.verifiedAt * 1000).toISOString() };
  const stale = isStale(session, secondsOf(systemClock));
  const off = whyOff(state) ?? null;
  const refusals = (refusalsFile(state).read() ?? []).filter(concerns(id));
  const trouble = stale || refusals.length > 0;
  const next =
    nextStep(id, verdict, record) ?? (trouble ? "`suture-agent doctor` says what is wrong, part by part." : null);
  const where = record !== undefined && isPartlyApplied(record) ? "applied in part" : record?.state;
  const lines = [
    `${verdict}: ${sentence}`,
    ...(record === undefined ? [] : [`Here it is ${where}${record.detail === "" ? "" : `: ${record.detail}`}`]),
    ...(unreported === null ? [] : [`But this host does not report all that runs on it: ${unreported}.`]),
    plan === null ? "There is no plan yet." : `By plan ${plan.seq}, verified ${plan.verifiedAt}.`,
    ...(stale ? ["This host is stale: nothing new installs until it reaches the service."] : []),
    ...refusals.map((each) => `This host refuses ${refusalLine(each)}`),
    ...(off === null ? [] : [`This agent is switched off: ${off}.`]),
    ...(next === null ? [] : [`Next: ${next}`]),
  ];
  const known = record === undefined ? {} : { state: record.state, detail: record.detail, partial: record.partial };
  const json = { patch: id, verdict, sentence, ...known, plan, stale, off, refusals, unreported, next };
  return { json, text: lines.join("\n"), ...(verdict === "unknown" && { exit: exitCode.attention }) };
}

/** What is refused right now that a patch needs: a plan, and the metadata of the service and of its vendor. */
function concerns(patch: string): (refusal: Refusal) => boolean {
  const names = ["", "service", parsePatchId(patch).vendor];
  return ({ of, name, over }) => over === undefined && of !== "release" && names.includes(name);
}

function verdictOf(id: string, store: PatchesStore, { plan }: Session): Explanation["verdict"] {
  const because = plan?.holds.find((hold) => hold.patch === id)?.because;
  if (because === "recall-kept") return because;
  if (store.recalled().has(id)) return "withdrawn";
  const record = store.get(id);
  if (record !== undefined && isOnHost(record)) return "there";
  if (store.holds().some(({ patch }) => patch === id)) return "held-by-host";
  if (because !== undefined) return because;
  return record?.state === "quarantined" ? "quarantined" : "unknown";
}
