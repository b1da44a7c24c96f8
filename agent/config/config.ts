import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { Name } from "../../protocol/wire/names.ts";
import { places } from "../system/places.ts";
import { NetworkKeys } from "./network-keys.ts";
import { isServiceAddress } from "./service-address.ts";

const Place = z
  .string()
  .min(1)
  .transform((path) => resolve(path));
const isWhere = (text: string) => isAbsolute(text) || (/^https?:\/\//.test(text) && URL.canParse(text));
/** `none` takes away what a lower source gives. */
const Where = z
  .string()
  .refine((text) => text === "none" || isWhere(text), "neither an http address nor the whole path of a folder")
  .transform((text) => (text === "none" ? null : text));

const Pin = z.string().regex(/^sha256:[0-9a-f]{64}$/, "not written sha256: and 64 hexadecimal digits");
/** A table of names and digests, or, where there is only text, `acme=sha256:...` with commas. */
const Pins = z.preprocess(
  (given) => (Array.isArray(given) ? Object.fromEntries(given.map((each) => String(each).split("="))) : given),
  z.record(Name, Pin).transform((pins): Readonly<Record<string, string>> => pins),
);
/** What can be configured. Each member's description is what the documentation, `config show` and agent.toml say of it. */
export const ConfigKeys = z.strictObject({
  state: Place.default(places.state).describe("where this host's identity and patches are kept"),
  server: z
    .string()
    .refine(isServiceAddress, "neither an https address nor http on this host's loopback")
    .nullable()
    .default(null)
    .describe("the service's address, for `enroll` and `preflight`"),
  mirror: Where.nullable()
    .default(null)
    .describe("an http address or a folder that `suture mirror` keeps; none to go without"),
  offline_plans: z.boolean().default(false).describe("take plans that are carried here by hand (`import`)"),
  vendors: Pins.nullable()
    .default(null)
    .describe("the only vendors whose patches this host takes, each with the digest of its first root"),
  self_update: z
    .boolean()
    .default(true)
    .describe("change to new releases of the agent by itself; an image or a distribution may see to it otherwise"),
  policy_undos_a_day: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe("how many patches plans may undo by policy in a day: what no signed recall and no replacement covers"),
  network: NetworkKeys.prefault({}),
});

/** What is decided for this host. `folder` is where that was read: agent.toml, agent.d, health.d. */
export type Config = z.output<typeof ConfigKeys> & { folder: string };

/** One thing to decide, by its path: `network.proxy` is member `proxy` of table `network`. */
export type ConfigKey = { path: string; schema: z.ZodType; about: string };

/** Every key, in the order of the documentation. */
export const configKeys: readonly ConfigKey[] = keysOf(ConfigKeys, "");

function keysOf(table: z.ZodObject, prefix: string): ConfigKey[] {
  return Object.entries(table.shape).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    if (schema instanceof z.ZodPrefault) return keysOf(schema.unwrap() as z.ZodObject, `${path}.`);
    if (!(schema instanceof z.ZodType)) return [];
    return [{ path, schema, about: schema.description ?? "" }];
  });
}

/** The configuration where nobody decided anything but these members; for tests and for what runs without a folder. */
export function configWith(decided: Partial<Config>): Config {
  return { folder: places.config, ...ConfigKeys.parse({}), ...decided };
}
