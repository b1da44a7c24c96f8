import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../protocol/errors.ts";
import { namesIn } from "../system/files.ts";
import { othersMay, whyChangeable } from "../system/ownership.ts";
import { ifPresent } from "../system/proc.ts";
import { configKeys } from "./config.ts";

/** Variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A value that somebody gave for a key, and where: a file and its line, a variable, an option; `isPublic` where every user of the host
 * can read it there.
 */
export type Given = { path: string; value: unknown; from: string; isPublic: boolean };
/** What was given and is not used, with why. */
export type Problem = { from: string; reason: string };
export type Found = { given: Given[]; problems: Problem[] };

const environmentPrefix = "SUTURE_AGENT_";
/** Names the configuration's folder, and is no key in it. */
export const folderVariable = `${environmentPrefix}CONFIG`;

/** The configuration's files in a folder, in the order in which they are read: a later one goes before an earlier one. */
export function configFiles(folder: string): string[] {
  const dropIns = join(folder, "agent.d");
  const files = [join(folder, "agent.toml"), ...namesIn(dropIns, ".toml").map((name) => join(dropIns, name))];
  return files.filter((file) => ifPresent(() => statSync(file)) !== undefined);
}

/** The values of one TOML file. One that somebody else than root can change is not used: it says where patches come from. */
export async function valuesOfFile(file: string): Promise<Found> {
  try {
    const status = statSync(file);
    const isPublic = (othersMay(status) & 0o044) !== 0;
    const reason = whyChangeable(status);
    if (reason !== undefined) return { given: [], problems: [{ from: file, reason }] };
    const text = readFileSync(file, "utf8");
    // Only here: most hosts have no file, and a parser in memory for nothing
    const { parse, TomlError } = await import("smol-toml");
    try {
      const found = flatten(parse(text), (path) => `${file}:${lineOf(text, path)}`);
      return { ...found, given: found.given.map((given) => ({ ...given, isPublic })) };
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const [reason = "it is not TOML"] = error.message.split("\n");
      return { given: [], problems: [{ from: `${file}:${error.line}`, reason }] };
    }
  } catch (error) {
    return { given: [], problems: [{ from: file, reason: describeError(error) }] };
  }
}

/**
 * The values that environment variables give: `network.no_proxy` is SUTURE_AGENT_NETWORK_NO_PROXY. An empty one says nothing. Others
 * that begin so are left alone, for Kubernetes sets some of its own for a service of the agent's name.
 */
export function valuesOfEnvironment(environment: Environment): Given[] {
  return configKeys.flatMap(({ path }) => {
    const [from, text = ""] = [variableOf(path), environment[variableOf(path)]];
    return text === "" ? [] : [{ path, value: readingOf(path, text), from, isPublic: false }];
  });
}

/** What the variables that other programs go by say of a proxy, which counts where nothing else is decided. */
export function valuesOfCommonVariables(environment: Environment): Given[] {
  const said = (path: string, ...names: string[]) => {
    const from = names.flatMap((name) => [name, name.toLowerCase()]).find((name) => (environment[name] ?? "") !== "");
    if (from === undefined) return [];
    return [{ path, text: environment[from] ?? "", from, isPublic: false }];
  };
  const proxies = said("network.proxy", "HTTPS_PROXY", "ALL_PROXY").map(({ text, ...given }) => {
    return { ...given, value: text.includes("://") ? text : `http://${text}` };
  });
  const direct = said("network.no_proxy", "NO_PROXY").map(({ text, ...given }) => {
    return { ...given, value: text.split(/[\s,]+/).filter((name) => name !== "") };
  });
  return [...proxies, ...direct];
}

/** The variables that look like ours and are no key's: a word misspelt, or somebody else's. */
export function strayVariables(environment: Environment): string[] {
  const known = [folderVariable, ...configKeys.map(({ path }) => variableOf(path))];
  return Object.keys(environment).filter((name) => name.startsWith(environmentPrefix) && !known.includes(name));
}

/** The variable for a key. */
export function variableOf(path: string): string {
  return environmentPrefix + path.toUpperCase().replaceAll(".", "_");
}

/** The values of `--set KEY=VALUE` options. */
export function valuesOfOptions(settings: readonly string[]): Found {
  const found: Found = { given: [], problems: [] };
  for (const setting of settings) {
    const [path = "", ...rest] = setting.split("=");
    const from = `--set ${path}`;
    if (!isKey(path)) found.problems.push({ from, reason: unknownKey(path) });
    else if (rest.length === 0) found.problems.push({ from, reason: "it is written KEY=VALUE" });
    else found.given.push({ path, value: readingOf(path, rest.join("=")), from, isPublic: true });
  }
  return found;
}

/** Text from where there is only text, as what its key takes: a word, a truth value, a number, or a list with commas. */
export function readingOf(path: string, text: string): unknown {
  const schema = configKeys.find((key) => key.path === path)?.schema;
  const readings = [text, text === "true" ? true : text === "false" ? false : Number(text), text.split(/\s*,\s*/)];
  return readings.find((reading) => schema?.safeParse(reading).success) ?? text;
}

function isKey(path: string): boolean {
  return configKeys.some((key) => key.path === path);
}

/** Why a key is not taken, with the one that was perhaps meant. */
export function unknownKey(path: string): string {
  const name = path.split(".").at(-1) ?? "";
  const near = configKeys.find((key) =>
    key.path.replaceAll("_", "").endsWith(name.toLowerCase().replaceAll(/[-_]/g, "")),
  );
  return `there is no key ${path}${near === undefined || name === "" ? "" : `; perhaps ${near.path}`}`;
}

function flatten(table: Readonly<Record<string, unknown>>, fromOf: (path: string) => string, prefix = ""): Found {
  const found: Found = { given: [], problems: [] };
  for (const [name, value] of Object.entries(table)) {
    const path = `${prefix}${name}`;
    const isTable =
      typeof value === "object" && value !== null && configKeys.some((key) => key.path.startsWith(`${path}.`));
    if (isKey(path)) found.given.push({ path, value, from: fromOf(path), isPublic: false });
    else if (isTable) {
      const inner = flatten({ ...value }, fromOf, `${path}.`);
      found.given.push(...inner.given);
      found.problems.push(...inner.problems);
    } else found.problems.push({ from: fromOf(path), reason: unknownKey(path) });
  }
  return found;
}

/** The line where a key stands, for a person to go to; the parser does not say. */
function lineOf(text: string, path: string): number {
  let table = "";
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[+\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) table = `${header.replaceAll(/["'\s]/g, "")}.`;
    const key = /^\s*([\w."'\s-]+?)\s*=/.exec(line)?.[1]?.replaceAll(/["'\s]/g, "");
    const here = key === undefined ? table.slice(0, -1) : `${table}${key}`;
    if (here === path || here.startsWith(`${path}.`)) return index + 1;
  }
  return 1;
}
