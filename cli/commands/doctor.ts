import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { serviceOf } from "../session.ts";

type Check = { name: string; ok: boolean; detail: string };

const hour = 3_600_000;
/** A timestamp is signed again every 8 hours (functions/jobs/publish.ts) and is valid for 72. */
const timestampLife = 72 * hour;
const timestampStale = 16 * hour;

export function doctor(program: Command, io: Io): void {
  program
    .command("doctor")
    .description("Look whether a service does what its users rely on; needs no token")
    .addHelpText("after", "\nExample:\n  $ suture doctor --service https://suture.example.com")
    .action(action(io, (options) => run(io, options)));
}

/** Every check is made, whatever the others find. */
async function run(io: Io, options: GlobalOptions): Promise<Result> {
  const service = serviceOf(io, options);
  const at = (path: string) => new URL(path, service).href;
  const checks = await Promise.all([
    check("root", () => root(at)),
    check("no newer root is 404", () => missingRoot(at)),
    check("signatures' ends", () => expiries(at, io.now().getTime())),
    check("timestamp", () => timestamp(at, io.now().getTime())),
    check("agents' API", () => agentApi(at)),
    check("vendors' API", () => vendorApi(at)),
    check("clock", () => clock(at, io.now().getTime())),
  ]);
  const failed = checks.filter(({ ok }) => !ok);
  const lines = checks.map(({ name, ok, detail }) => `${ok ? "ok  " : "FAIL"} ${name}: ${detail}`);
  if (failed.length > 0) {
    throw new SutureError("unavailable", `${service} is not well:\n${lines.join("\n")}`, { data: { service, checks } });
  }
  return { json: { service, ok: true, checks }, lines };
}

type At = (path: string) => string;

async function root(at: At): Promise<string> {
  const { signed } = readMetadata("root", await textOf(at("/tuf/service/1.root.json")));
  return `version ${signed.version} of the service's root is public`;
}

async function missingRoot(at: At): Promise<string> {
  const { status } = await fetch(at("/tuf/service/999999.root.json"));
  if (status !== 404) throw new Error(`a missing root answers ${status}: agents would not know that there is none`);
  return "as agents need it";
}

async function timestamp(at: At, now: number): Promise<string> {
  const { signed } = readMetadata("timestamp", await textOf(at("/tuf/service/timestamp.json")));
  const left = Date.parse(signed.expires) - now;
  if (left <= 0) throw new Error(`expired at ${signed.expires}`);
  const age = timestampLife - left;
  if (age > timestampStale) throw new Error(`signed ${Math.round(age / hour)} h ago: publishing has stopped`);
  return `version ${signed.version}, valid until ${signed.expires}`;
}

/** What the public repository says, role by role: the shortest that operators sign. */
async function expiries(at: At, now: number): Promise<string> {
  const signed = readMetadata("timestamp", await textOf(at("/tuf/service/timestamp.json"))).signed;
  const snapshot = await textOf(at(`/tuf/service/${signed.snapshotMeta.version}.snapshot.json`));
  const { meta } = readMetadata("snapshot", snapshot).signed;
  const ends = Object.entries(meta).map(async ([name, { version }]) => {
    const { expires } = readMetadata("targets", await textOf(at(`/tuf/service/${version}.${name}`))).signed;
    return { role: name.replace(/\.json$/, ""), days: Math.floor((Date.parse(expires) - now) / (24 * hour)) };
  });
  const [first] = (await Promise.all(ends)).toSorted((one, other) => one.days - other.days);
  if (first === undefined) throw new Error("the snapshot names no role");
  if (first.days < 7) throw new Error(`${first.role} ends in ${first.days} days: suture service renew`);
  return `the first to end is ${first.role}, in ${first.days} days`;
}

async function agentApi(at: At): Promise<string> {
  const response = await fetch(at("/v1/agent/poll"));
  if (response.status !== 200) throw new Error(`a poll without a ticket answers ${response.status}, not 200`);
  return "answers a poll";
}

async function vendorApi(at: At): Promise<string> {
  const { status } = await fetch(at("/v1/whoami"));
  if (status !== 401) throw new Error(`a call without a token answers ${status}, not 401`);
  return "answers, and asks for a token";
}

async function clock(at: At, now: number): Promise<string> {
  const date = Date.parse((await fetch(at("/v1/agent/poll"))).headers.get("date") ?? "");
  if (Number.isNaN(date)) throw new Error("answers carry no date");
  const seconds = Math.round((date - now) / 1000);
  if (Math.abs(seconds) > 60) throw new Error(`is ${seconds} s from this host's`);
  return `within ${Math.abs(seconds)} s of this host's`;
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return await response.text();
}

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await look() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
