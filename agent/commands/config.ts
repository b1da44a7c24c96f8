import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { type ConfigKey, configKeys } from "../config/config.ts";
import { putAt, type Tables, valueAt } from "../config/paths.ts";
import { type ConfigRead, type ConfigSources, readConfig } from "../config/read.ts";
import { shownValue } from "../config/secrets.ts";
import { readingOf, strayVariables, unknownKey } from "../config/values.ts";
import { readBytes, writeDurably } from "../system/files.ts";
import { exitCode, type Result } from "./output.ts";

/** `suture-agent config show`: every key, its value and where that came from. */
export async function showConfig(sources: ConfigSources): Promise<Result> {
  const read = await readConfig(sources);
  const rows = configKeys.map(({ path, about }) => {
    return {
      key: path,
      value: shownValue(valueAt(read.config, path)),
      from: read.origins.get(path) ?? "default",
      about,
    };
  });
  const width = (column: (row: (typeof rows)[number]) => string) => Math.max(...rows.map((row) => column(row).length));
  const [keys, values] = [width(({ key }) => key), width(({ value }) => shown(value))];
  const lines = rows.map(({ key, value, from }) => `${key.padEnd(keys)}  ${shown(value).padEnd(values)}  ${from}`);
  return {
    json: {
      folder: read.config.folder,
      files: read.files,
      values: Object.fromEntries(rows.map(({ key, value, from }) => [key, { value, from }])),
      problems: read.problems,
    },
    text: [...lines, ...problemLines(read, sources)].join("\n"),
    exit: read.problems.length === 0 ? exitCode.ok : exitCode.usage,
  };
}

/** `suture-agent config check`: whether the configuration can be used. */
export async function checkConfig(sources: ConfigSources): Promise<Result> {
  const read = await readConfig(sources);
  const ok = read.problems.length === 0;
  const what =
    read.files.length === 0 ? `There is no file in ${read.config.folder}: all is as by default` : read.files.join(", ");
  return {
    json: { ok, files: read.files, problems: read.problems, unknownVariables: strayVariables(sources.environment) },
    text: [what, ...problemLines(read, sources), ...(ok ? ["The configuration is good."] : [])].join("\n"),
    exit: ok ? exitCode.ok : exitCode.usage,
  };
}

/** `suture-agent config set KEY VALUE`: decides a key in a drop-in of its own. Throws `config-invalid`, `no-permission`. */
export async function setConfig(sources: ConfigSources, key = "", text = ""): Promise<Result> {
  const value = readingOf(key, text);
  const result = schemaOf(key).safeParse(value);
  if (!result.success) throw new SutureError("config-invalid", `${key}: ${result.error.issues[0]?.message}`);
  await writeDropIn(sources, key, value);
  return await decided(sources, key);
}

/** `suture-agent config unset KEY`: takes that back; what other files say of it counts again. */
export async function unsetConfig(sources: ConfigSources, key = ""): Promise<Result> {
  schemaOf(key);
  await writeDropIn(sources, key, undefined);
  return await decided(sources, key);
}

function schemaOf(key: string): ConfigKey["schema"] {
  const known = configKeys.find(({ path }) => path === key);
  if (known === undefined) throw new SutureError("config-invalid", unknownKey(key));
  return known.schema;
}

async function writeDropIn(sources: ConfigSources, key: string, value: unknown): Promise<void> {
  const { config } = await readConfig(sources);
  const file = join(config.folder, "agent.d", "90-set.toml");
  const { parse, stringify } = await import("smol-toml");
  const tables: Tables = parse(readBytes(file)?.toString("utf8") ?? "");
  putAt(tables, key, value);
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeDurably(file, `# Written by suture-agent config set\n${stringify(tables)}`);
}

/** What counts now: an option or a variable may go before what was written. */
async function decided(sources: ConfigSources, key: string): Promise<Result> {
  const read = await readConfig(sources);
  const [value, from] = [shownValue(valueAt(read.config, key)), read.origins.get(key) ?? "default"];
  const text = `${key}  ${shown(value)}  ${from}\nAn agent that runs reads it when it starts: systemctl restart suture-agent`;
  return { json: { key, value, from }, text };
}

function shown(value: unknown): string {
  if (value === null) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function problemLines({ problems }: ConfigRead, { environment }: ConfigSources): string[] {
  return [
    ...problems.map(({ from, reason }) => `NOT USED  ${from}: ${reason}`),
    ...strayVariables(environment).map((name) => `unknown   ${name} is no key's variable`),
  ];
}
