import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeError } from "../../protocol/errors.ts";
import type { ConfigRead } from "../config/read.ts";
import { readHost } from "../facts/host.ts";
import { readBytes } from "../system/files.ts";
import { ifPresent } from "../system/proc.ts";
import { redact, textsUnder } from "./redact.ts";

/** The state's files that help, and hold nothing secret but a ticket. Keys, tokens, plans and payloads stay here. */
const telling = [
  "identity.json",
  "session.json",
  "pins.json",
  "sightings.json",
  "recalled.json",
  "refusals.json",
  "waiting.json",
  "journal.json",
];
const tellingFolders = ["patches", "holds", "klp", "elf"];
const journalLines = 5_000;

/** What a command would say, as text; an error says what went wrong, since that may be what is looked for. */
export type Said = () => Promise<{ json: unknown }>;

/**
 * What a support archive holds, by the files' names, with everything secret removed.
 * @param said what the agent's own commands say, by the names of the files that they go into
 */
export async function supportFiles(
  read: ConfigRead,
  said: Readonly<Record<string, Said>>,
): Promise<Map<string, string>> {
  const { state } = read.config;
  const files = new Map<string, string>();
  for (const [name, ask] of Object.entries(said)) files.set(name, await asText(ask));
  files.set("host.json", JSON.stringify({ ...readHost(), node: process.versions.node, at: new Date().toISOString() }));
  files.set("state.txt", listing(state));
  for (const name of namesOf(state)) files.set(`state/${name}`, readBytes(join(state, name))?.toString("utf8") ?? "");
  for (const path of read.files) files.set(`config/${path.split("/").at(-1)}`, readFileSync(path, "utf8"));
  files.set(
    "kernel.txt",
    ["/proc/version", "/proc/cmdline", "/proc/sys/kernel/tainted", "/proc/meminfo"].map(fileText).join("\n"),
  );
  files.set("journal.txt", await journalText());
  const secrets = secretsOf(read);
  return new Map([...files].map(([name, text]) => [name, redact(text, secrets)]));
}

/** What this host is known to keep secret, from where it is kept. */
function secretsOf({ config, files }: ConfigRead): string[] {
  const kept = ["key.json", "image.json", "session.json", "plan.json"].flatMap((name) => {
    const text = readBytes(join(config.state, name))?.toString("utf8");
    return text === undefined ? [] : textsUnder(jsonOf(text), ["d", "token", "ticket", "plan"]);
  });
  const named = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/:\/\/([^\s/?#"]*?):([^\s/?#"]+)@/g)]);
  const passwords = named.flatMap(([, , password = ""]) => [password, decoded(password)]);
  const inherited = process.env.SUTURE_ENROLMENT_TOKEN;
  return [...kept, ...passwords, ...(inherited === undefined ? [] : [inherited])];
}

/** A comment of the configuration may hold what is no address. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is damaged is shown as it is, and redacted by its shapes alone
    return null;
  }
}

async function asText(ask: Said): Promise<string> {
  try {
    return JSON.stringify((await ask()).json, null, 1);
  } catch (error) {
    return describeError(error);
  }
}

function namesOf(state: string): string[] {
  const inFolders = tellingFolders.flatMap((folder) =>
    (ifPresent(() => readdirSync(join(state, folder))) ?? [])
      .filter((name) => name.endsWith(".json"))
      .map((name) => `${folder}/${name}`),
  );
  return [...telling, ...inFolders].filter((name) => readBytes(join(state, name)) !== undefined);
}

/** Names, sizes and modes alone. */
function listing(state: string): string {
  const names = ifPresent(() => readdirSync(state, { recursive: true, encoding: "utf8" })) ?? [];
  const lines = names.sort().map((name) => {
    const status = ifPresent(() => statSync(join(state, name)));
    return status === undefined ? name : `${(status.mode & 0o7777).toString(8)} ${status.uid} ${status.size} ${name}`;
  });
  return lines.join("\n");
}

function fileText(path: string): string {
  return `${path}\n${ifPresent(() => readFileSync(path, "utf8")) ?? "(not there)"}`;
}

async function journalText(): Promise<string> {
  const args = ["--unit", "suture-agent*", "--lines", String(journalLines), "--output", "short-iso", "--no-pager"];
  try {
    const { stdout } = await promisify(execFile)("journalctl", args, { timeout: 30_000, maxBuffer: 32 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    return `The journal cannot be read: ${describeError(error)}`;
  }
}
