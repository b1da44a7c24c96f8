import { existsSync, mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeError } from "../../protocol/errors.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Config } from "../config/config.ts";
import { mendSignatures } from "../engines/klp/support.ts";
import { hostProbe } from "../health/probe.ts";
import { networkHttp } from "../network/http.ts";
import { hostChecks, loadEngines } from "../open.ts";
import { enrolmentFile } from "../state/identity.ts";
import type { Http } from "../system/http.ts";
import { exitCode, type Result } from "./output.ts";

type Check = { name: string; ok: boolean; detail: string; mend?: string; optional?: boolean };

const needed = 600 * 1024 * 1024;
/** The service refuses requests from a clock that is further off; seconds. */
const clockTolerance = 300;

/** `suture-agent preflight`: whether this host is ready, part by part, and how to mend what is not. Changes nothing. */
export async function preflight({ config, server }: { config: Config; server?: string }): Promise<Result> {
  const { state } = config;
  const address = server ?? enrolmentFile(state).read()?.server ?? config.server ?? undefined;
  const http = networkHttp(config.network);
  const checks = [
    stateCheck(state),
    diskCheck(state),
    ...(await engineChecks(state)),
    ...(await healthChecks(config, http)),
    ...(await serverChecks(address, http)),
  ];
  const ok = checks.every((check) => check.ok || check.optional === true);
  const lines = checks.map(
    ({ name, ok: isOk, detail, mend, optional }) =>
      `${isOk ? "ok  " : optional === true ? "no  " : "FAIL"}  ${name.padEnd(12)} ${detail}${mend === undefined ? "" : `\n      ${mend}`}`,
  );
  return { json: { ok, checks }, text: lines.join("\n"), exit: ok ? exitCode.ok : exitCode.attention };
}

function stateCheck(state: string): Check {
  const name = "state";
  if (!existsSync(state)) return { name, ok: true, detail: `${state} will be made by enroll` };
  const { mode, uid } = statSync(state);
  if ((mode & 0o077) !== 0)
    return { name, ok: false, detail: `${state} can be read by others`, mend: `chmod 700 ${state}` };
  if (uid !== process.getuid?.())
    return { name, ok: false, detail: `${state} belongs to user ${uid}`, mend: "Run as that user." };
  return { name, ok: true, detail: `${state} is for its owner only` };
}

function diskCheck(state: string): Check {
  let folder = state;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const detail = `${Math.floor(free / 1024 / 1024)} MiB free in ${folder}`;
  return free >= needed
    ? { name: "disk", ok: true, detail }
    : { name: "disk", ok: false, detail, mend: `Make room: ${needed / 1024 / 1024} MiB are wanted.` };
}

/** Without a state directory the engines look on from a passing one: preflight leaves nothing behind. */
async function engineChecks(state: string): Promise<Check[]> {
  if (existsSync(state)) return await detectAll(state);
  const passing = mkdtempSync(join(tmpdir(), "suture-preflight-"));
  try {
    return await detectAll(passing);
  } finally {
    rmSync(passing, { recursive: true });
  }
}

/** A host needs one engine that works: most have no use for every one. */
async function detectAll(state: string): Promise<Check[]> {
  const engines = await loadEngines(state);
  const found = await Promise.all(
    [...engines.values()].map(async (engine) => ({ engine, ...(await engine.detect()) })),
  );
  const optional = found.some(({ supported }) => supported);
  return found.flatMap(({ engine, supported, reason, facts }): Check[] => {
    const detail = supported ? `works here; ${workOf(facts)}` : reason;
    const check: Check = { name: `engine ${engine.name}`, ok: supported, detail, optional };
    return supported && facts.livepatch?.signatures === "required" ? [check, signaturesCheck()] : [check];
  });
}

function workOf({ builds, livepatch, clients }: Partial<HostFacts>): string {
  if (clients !== undefined) return clients.map(({ level, detail }) => `${level ?? "nothing"} is in; ${detail}`).join();
  if (livepatch === undefined) return `${builds?.length ?? 0} builds run`;
  const others = livepatch.loaded.filter(({ patch }) => patch === null).map(({ module }) => module);
  const ours = livepatch.loaded.length - others.length;
  return `${ours} livepatches are ours${others.length === 0 ? "" : `, left alone: ${others.join(", ")}`}`;
}

/** The host's own health checks, each asked once: what fails now keeps every patch out. */
async function healthChecks(config: Config, http: Http): Promise<Check[]> {
  const { checks, refused } = hostChecks(config);
  const probe = hostProbe(http);
  const asked = checks.map(async (check): Promise<Check> => {
    const name = `check ${check.name}`;
    const wrong = await probe(check);
    return wrong === undefined
      ? { name, ok: true, detail: `${check.kind} is well` }
      : { name, ok: false, detail: wrong, mend: "Nothing is applied while it fails: mend what it asks, or the check." };
  });
  const unusable = refused.map(
    ({ file, reason }): Check => ({
      name: "check",
      ok: false,
      detail: `${file} is not used: ${reason}`,
      mend: "Nothing is applied until it is mended or gone: chown root, chmod go-w.",
    }),
  );
  return [...(await Promise.all(asked)), ...unusable];
}

/** No fault of the host: it says what a vendor's module must bring along. */
function signaturesCheck(): Check {
  const detail = "this kernel takes signed modules only";
  return { name: "signatures", ok: true, detail, mend: `For each vendor: ${mendSignatures}.` };
}

async function serverChecks(server: string | undefined, http: Http): Promise<Check[]> {
  if (server === undefined)
    return [
      { name: "server", ok: false, detail: "not enrolled, so no server is known", mend: "Name one with --server URL." },
    ];
  const sentAt = Date.now();
  try {
    const url = new URL("/tuf/service/timestamp.json", server).href;
    const { status, headers } = await http({ method: "GET", url, maxBytes: 1024 * 1024, timeout: 10_000 });
    const reached: Check = { name: "server", ok: status === 200, detail: `${server} answered ${status}` };
    return [reached, clockCheck(Date.parse(String(headers.date)), (sentAt + Date.now()) / 2)];
  } catch (error) {
    return [
      {
        name: "server",
        ok: false,
        detail: describeError(error),
        mend: "Check the address, the network, and the proxy or firewall between.",
      },
    ];
  }
}

function clockCheck(theirs: number, ours: number): Check {
  if (Number.isNaN(theirs)) return { name: "clock", ok: false, detail: "the server did not say what time it is" };
  const seconds = Math.round((ours - theirs) / 1000);
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} the server's`;
  return Math.abs(seconds) <= clockTolerance
    ? { name: "clock", ok: true, detail }
    : { name: "clock", ok: false, detail, mend: "Set this host's clock." };
}
