import { resolve } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { places } from "../system/places.ts";
import { type Config, ConfigKeys, configKeys } from "./config.ts";
import { problemsOfFiles } from "./named-files.ts";
import { putAt, type Tables } from "./paths.ts";
import { holdsSecret } from "./secrets.ts";
import {
  configFiles,
  type Environment,
  type Found,
  folderVariable,
  type Given,
  type Problem,
  valuesOfCommonVariables,
  valuesOfEnvironment,
  valuesOfFile,
  valuesOfOptions,
} from "./values.ts";

/** Where a configuration is looked for, beside its files. */
export type ConfigSources = {
  /** of `--config`; else SUTURE_AGENT_CONFIG, else /etc/suture */
  folder?: string;
  /** of `--state` */
  state?: string;
  /** of `--set`, KEY=VALUE each */
  set?: readonly string[];
  environment: Environment;
};

/** A configuration, the files that it was read from, where each value came from, and what was given and cannot be used. */
export type ConfigRead = { config: Config; files: string[]; origins: ReadonlyMap<string, string>; problems: Problem[] };

/**
 * Reads what is decided for this host. An option goes before the environment, that before the drop-ins (of which the last by name
 * wins), those before agent.toml, and that before the default. What cannot be used counts for nothing but its problem.
 */
export async function readConfig({ folder, state, set = [], environment }: ConfigSources): Promise<ConfigRead> {
  const place = resolve(folder ?? (environment[folderVariable] || places.config));
  const files = configFiles(place);
  const found: Found[] = [
    { given: valuesOfCommonVariables(environment), problems: [] },
    ...(await Promise.all(files.map(valuesOfFile))),
    { given: valuesOfEnvironment(environment), problems: [] },
    valuesOfOptions(set),
    {
      given: state === undefined ? [] : [{ path: "state", value: state, from: "--state", isPublic: true }],
      problems: [],
    },
  ];
  const problems = found.flatMap((each) => each.problems);
  const good = new Map<string, Given>();
  for (const given of found.flatMap((each) => each.given)) {
    const reason = whyNot(given);
    if (reason === undefined) good.set(given.path, given);
    else problems.push({ from: given.from, reason });
  }
  const decided: Tables = {};
  for (const { path, value } of good.values()) putAt(decided, path, value);
  const origins = new Map(configKeys.map(({ path }) => [path, good.get(path)?.from ?? "default"]));
  const config = { ...ConfigKeys.parse(decided), folder: place };
  return { config, files, origins, problems: [...problems, ...problemsOfFiles(config.network)] };
}

/** The configuration as it stands. @throws SutureError `config-invalid` where a part of it cannot be used */
export async function requireConfig(sources: ConfigSources): Promise<Config> {
  const { config, problems } = await readConfig(sources);
  const [first, ...others] = problems;
  if (first === undefined) return config;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw new SutureError("config-invalid", `${first.from}: ${first.reason}${more}`, { data: { problems } });
}

function whyNot({ path, value, isPublic }: Given): string | undefined {
  if (isPublic && holdsSecret(value))
    return "a password, where every user can read it: use a file for root alone (0600), or the environment";
  const result = configKeys.find((key) => key.path === path)?.schema.safeParse(value);
  if (result?.success !== false) return undefined;
  const [issue] = result.error.issues;
  return `${[path, ...(issue?.path ?? [])].join(".")}: ${issue?.message ?? "it does not fit"}`;
}
