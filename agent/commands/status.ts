import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ForeignClient, HeldPayloads, LoadedLivepatch } from "../../protocol/wire/host.ts";
import { limitLine } from "../../protocol/wire/limited.ts";
import { isRefusing } from "../../protocol/wire/refusal.ts";
import type { Waiting } from "../../protocol/wire/report.ts";
import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { withoutSecrets } from "../config/secrets.ts";
import { openJournal } from "../engines/elf/journal.ts";
import { bootId } from "../engines/elf/memory.ts";
import { heldPayloads } from "../engines/elf/resident.ts";
import { hostChecks, openForeignClients, openKlpEngine } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { rebootVerdict } from "../patches/reboot.ts";
import { polledAt } from "../poll/note.ts";
import { isStale } from "../round/due.ts";
import { damagedFiles } from "../state/damage.ts";
import { machineKeys, readEnrolment } from "../state/identity.ts";
import { required } from "../state/json-file.ts";
import { limitsFile, limitsIn } from "../state/limits.ts";
import { isLocked } from "../state/lock.ts";
import { openOutbox } from "../state/outbox.ts";
import { isPartlyApplied, isTroubled, patchesStore } from "../state/patches.ts";
import { pinsFile } from "../state/pins.ts";
import { refusalsFile } from "../state/refusals.ts";
import { type Session, sessionFile } from "../state/session.ts";
import { waitingFile } from "../state/waiting.ts";
import { systemClock } from "../system/clock.ts";
import { refusalLine } from "../trust/refusals.ts";
import { openUpdates } from "../update/updates.ts";
import { exitCode, type Result } from "./output.ts";

/** `suture-agent status`: what this host is, when it last heard from the service, and each patch. Touches nothing. */
export async function status({ config }: { config: Config }): Promise<Result> {
  const { state } = config;
  const mirror = config.mirror === null ? null : withoutSecrets(config.mirror);
  const { machine, customer, group, server } = readEnrolment(state);
  const session = required(sessionFile(state), "session.json");
  const store = patchesStore(state);
  const waiting = openOutbox(state, machine, await machineKeys(state)).waiting().length;
  const stale = isStale(session, secondsOf(systemClock));
  const away = session.awaySince === null ? null : instant(session.awaySince);
  const mirrorState = mirrorStateOf(session);
  const held = store.holds().map(({ patch }) => patch);
  const pinned = pinsFile(state).read() ?? [];
  const patches = store.all().map(({ patch, state: code, since, detail, verified, partial }) => ({
    patch,
    title: verified?.title ?? null,
    state: code,
    since: instant(since),
    detail,
    ...(partial !== undefined && { partial }),
    held: held.includes(patch),
    pinned: pinned.includes(patch),
  }));
  const lastPlan = session.plan === null ? null : { seq: session.plan.seq, verifiedAt: instant(session.verifiedAt) };
  const notApplied = session.plan?.holds ?? [];
  const reboot = rebootVerdict(store.all(), notApplied);
  const livepatches = await listLivepatches(state);
  const clients = await listClients(state);
  const payloads = heldPayloadsOf(state);
  const { checks, refused } = hostChecks(config);
  const running = isLocked(state);
  const now = running ? (waitingFile(state).read() ?? null) : null;
  const off = whyOff(state) ?? null;
  const refusals = refusalsFile(state).read() ?? [];
  const limited = limitsIn(limitsFile(state), systemClock).all();
  const polled = polledAt(state)?.toISOString() ?? null;
  const failedUpdate = openUpdates(config)?.failedUpdate() ?? null;
  const setAside = damagedFiles(state, store);
  const json = {
    machine,
    customer,
    group,
    server,
    running,
    waiting: now === null ? null : { ...now, since: instant(now.since) },
    freshness: stale ? "stale" : "fresh",
    serviceAwaySince: away,
    failed: session.failed,
    timerPolledAt: polled,
    mirror: mirror === null ? null : { location: mirror, state: mirrorState, ...session.mirrorTrouble },
    lastPlan,
    patches,
    held,
    notApplied,
    reboot,
    livepatches,
    clients,
    payloads,
    checks: { own: checks.map(({ name, kind }) => ({ name, kind })), refused },
    off,
    failedUpdate,
    refusals: refusals.map(({ since, last, over, ...each }) => ({
      ...each,
      since: instant(since),
      last: instant(last),
      ...(over !== undefined && { over: instant(over) }),
    })),
    limited: limited.map(({ until, ...each }) => ({ ...each, until: instant(until) })),
    waitingReceipts: waiting,
    unreported: session.reported?.unreported ?? null,
    setAside,
  };
  const lines = [
    `machine   ${machine} (${customer}, group ${group})`,
    `service   ${server}${away === null ? "" : `  does not answer since ${away}: what is applied stays`}`,
    ...(mirror === null ? [] : [`mirror    ${mirror}  ${mirrorWords[mirrorState]}`]),
    `agent     ${json.running ? "running" : "not running"}`,
    ...(session.failed === null ? [] : [`rounds    ${session.failed.times} in a row failed: ${session.failed.detail}`]),
    ...(polled === null ? [] : [`polled    ${polled} by the timer: nothing new`]),
    ...(failedUpdate === null ? [] : [`update    release ${failedUpdate.version} was given up: ${failedUpdate.why}`]),
    ...(now === null ? [] : [`waiting   ${waitingLine(now)}`]),
    `plan      ${lastPlan === null ? "none yet" : `${lastPlan.seq}, verified ${lastPlan.verifiedAt}`}${stale ? "  STALE: what is applied stays, nothing new installs" : ""}`,
    ...refusals.map((each) => `refused   ${refusalLine(each)}`),
    ...limited.map((each) => `limit     ${limitLine(each)}; root may go before it: suture-agent undo ${each.patch}`),
    `receipts  ${waiting} waiting`,
    ...setAside.map((file) => `damaged   ${join(state, file)} was set aside; keep a copy for analysis, then remove it`),
    ...(checks.length === 0 ? [] : [`checks    ${checks.map(({ name, kind }) => `${name} (${kind})`).join(", ")}`]),
    ...refused.map(({ file, reason }) => `check     ${file} IS NOT USED: ${reason}; nothing new installs`),
    `patches   ${patches.length === 0 ? "none" : ""}`,
    ...patches.map(
      (each) =>
        `  ${(isPartlyApplied(each) ? "applied in part" : each.state).padEnd(15)} ${each.patch}${each.held ? " (held here)" : ""}${each.pinned ? " (pinned here)" : ""}  since ${each.since}  ${each.detail}`,
    ),
    ...held.filter((id) => !patches.some(({ patch }) => patch === id)).map((id) => `  held here       ${id}`),
    ...notApplied.map(({ patch, because }) => `  not applied     ${patch}: ${because}`),
    ...livepatches.map((each) => `livepatch ${livepatchLine(each)}`),
    ...clients.map((each) => `client    ${clientLine(each)}`),
    ...(payloads === null ? [] : [`memory    ${payloadsLine(payloads)}`]),
    ...(json.unreported === null ? [] : [`facts     not all that runs is reported: ${json.unreported}`]),
    ...(reboot === null ? [] : [`reboot    needed since ${reboot.since}: ${reboot.detail}`]),
    ...(off === null ? [] : [`off       ${off}: nothing is done but by hand`]),
  ];
  const attention =
    stale || setAside.length > 0 || refused.length > 0 || isRefusing(refusals) || patches.some(isTroubled);
  return {
    json,
    text: lines.map((line) => line.trimEnd()).join("\n"),
    exit: attention ? exitCode.attention : reboot === null ? exitCode.ok : exitCode.reboot,
  };
}

type MirrorState = "fine" | "stale" | "unreachable" | "refused";
const mirrorWords: Record<MirrorState, string> = {
  fine: "",
  stale: "STALE: old, but as it was signed. Run suture mirror for it again",
  unreachable: "cannot be read",
  refused: "REFUSED: it shows what was not signed, or an older state than before. Tell your administrator",
};

function mirrorStateOf({ mirrorTrouble }: Session): MirrorState {
  if (mirrorTrouble === null) return "fine";
  if (mirrorTrouble.code === "mirror-stale") return "stale";
  return ["unreachable", "unavailable"].includes(mirrorTrouble.code) ? "unreachable" : "refused";
}

/** What payloads take in processes; null where they take nothing. */
function heldPayloadsOf(state: string): HeldPayloads | null {
  const journalDir = join(state, "elf");
  return existsSync(journalDir) ? (heldPayloads(openJournal(journalDir), bootId()) ?? null) : null;
}

function payloadsLine({ processes, payloads, bytes }: HeldPayloads): string {
  return `${payloads} payloads, ${Math.ceil(bytes / 1024)} KiB, in ${processes} processes, until those end`;
}

/** Every livepatch in the kernel, whoever loaded it. */
async function listLivepatches(state: string): Promise<LoadedLivepatch[]> {
  const { facts } = await (await openKlpEngine(state, () => {})).detect();
  return facts.livepatch?.loaded ?? [];
}

function livepatchLine({ module, enabled, transition, patch, objects }: LoadedLivepatch): string {
  const state = transition ? "in transition" : enabled ? "enabled" : "disabled";
  const parts = objects.map(({ name, patched }) => `${name} ${patched ? "patched" : "not loaded"}`);
  return `${module}: ${state}; ${parts.join(", ")}; ${patch ?? "loaded by somebody else, left alone"}`;
}

/** What the other clients on this host say of it. */
async function listClients(state: string): Promise<ForeignClient[]> {
  const engines = await openForeignClients(state);
  const found = await Promise.all(engines.map((engine) => engine.detect()));
  return found.flatMap(({ facts }) => facts.clients ?? []);
}

function clientLine({ engine, version, state, level, detail }: ForeignClient): string {
  return `${engine}${version === null ? "" : ` ${version}`}: ${state}, ${level ?? "nothing"} is in; ${detail}`;
}

function waitingLine({ patch, action, since, tasks }: Waiting): string {
  const who = tasks.map(({ task, pid }) => `${task} (${pid})`).join(", ");
  return `to ${action} ${patch} since ${instant(since)}, for ${tasks.length} tasks to leave the code: ${who}`;
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
