import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { SutureError } from "../../protocol/errors.ts";
import type { Config } from "../config/config.ts";
import { serviceAddress } from "../config/service-address.ts";
import { joinFleet } from "../enrolment/join.ts";
import { rekey } from "../enrolment/rekey.ts";
import { openAgent, withLock } from "../open.ts";
import { type Enrolment, readEnrolment } from "../state/identity.ts";
import { takeNextIdentity } from "../state/next-identity.ts";
import { makePrivateDirectory } from "../system/files.ts";
import type { Result } from "./output.ts";

export type TokenOptions = { token?: string; tokenFile?: string };
export type EnrollOptions = TokenOptions & { config: Config; server?: string; ephemeral: boolean; rekey: boolean };

/**
 * `suture-agent enroll`: makes this host a machine of the customer whose token it is. With `--rekey` a machine becomes another one, with
 * a new key.
 */
export async function enroll({
  config,
  server,
  token,
  tokenFile,
  ephemeral,
  rekey: again,
}: EnrollOptions): Promise<Result> {
  const { state } = config;
  // An earlier call came so far that the old machine is gone: there is nothing left to enrol
  const taken = again ? await withLock(state, async () => takeNextIdentity(state)) : undefined;
  if (taken !== undefined) return enrolled(taken, state);
  const wanted = server ?? (again ? readEnrolment(state).server : config.server);
  if (wanted === null) throw new SutureError("invalid-request", "Say --server URL, or `server` in agent.toml");
  const address = serviceAddress(wanted);
  const secret = await readToken(token, tokenFile);
  if (secret === undefined) {
    const ways = "--token-file FILE, --token -, or SUTURE_ENROLMENT_TOKEN";
    throw new SutureError("invalid-request", `A token is needed: ${ways}`);
  }
  makePrivateDirectory(state);
  const image = { server: address, token: secret, ephemeral };
  const done = await withLock(state, async () => {
    takeNextIdentity(state);
    return again ? await rekey(await openAgent(config, () => {}), config, image) : await joinFleet(config, image);
  });
  return enrolled(done, state);
}

function enrolled({ machine, customer, group, server, ephemeral }: Enrolment, state: string): Result {
  const retires = ephemeral ? ", which retires when it stops" : "";
  return {
    json: { machine, customer, group, server, ephemeral, state },
    text: `Enrolled as ${machine}, a machine of ${customer} in group ${group}${retires}.\nNext: suture-agent once --state ${state}`,
  };
}

/**
 * `-` as a token or a file is the standard input, so that the secret need not be in the arguments that everybody can read. Undefined
 * where nobody gave one.
 */
export async function readToken(token: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (token === "-" || file === "-") return (await readAll(process.stdin)).trim();
  if (token !== undefined) return token.trim();
  if (file !== undefined) return (await readTokenFile(file)).trim();
  // Not SUTURE_TOKEN: that is the API token of whoever runs `suture` in the same shell
  const inherited = process.env.SUTURE_ENROLMENT_TOKEN;
  return inherited === undefined || inherited === "" ? undefined : inherited.trim();
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new SutureError("invalid-request", `The token file ${file} cannot be read`, { cause });
  }
}
