import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { SutureError } from "../../protocol/errors.ts";
import { secondsOf } from "../agent.ts";
import { enrol } from "../enrol.ts";
import { gatherFacts } from "../facts/gather.ts";
import { readHost } from "../facts/host.ts";
import { loadEngines, withLock } from "../open.ts";
import { httpService } from "../service.ts";
import { enrolmentFile, machineKeys } from "../state/identity.ts";
import { repositoriesStore } from "../state/repositories.ts";
import { sessionFile } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import { makePrivateDirectory } from "../system/files.ts";
import { nodeHttp } from "../system/http.ts";
import type { Result } from "./output.ts";

export type EnrollOptions = { state: string; server: string; token?: string; tokenFile?: string };

/** `suture-agent enroll`: makes this host a machine of the customer whose token it is. */
export async function enroll({ state, server, token, tokenFile }: EnrollOptions): Promise<Result> {
  const address = serverAddress(server);
  const secret = await readToken(token, tokenFile);
  makePrivateDirectory(state);
  const done = await withLock(state, async () => {
    const engines = await loadEngines(state);
    return await enrol(address, secret, {
      service: httpService(address, nodeHttp),
      keys: await machineKeys(state),
      facts: await gatherFacts(readHost(), [...engines.values()]),
      repositories: repositoriesStore(state),
      session: sessionFile(state),
      enrolment: enrolmentFile(state),
      now: secondsOf(systemClock),
    });
  });
  const { machine, customer, group } = done;
  return {
    json: { machine, customer, group, server: address, state },
    text: `Enrolled as ${machine}, a machine of ${customer} in group ${group}.\nNext: suture-agent once --state ${state}`,
  };
}

/** Only a host's own loopback may go without TLS: the token must not be read on its way. */
function serverAddress(server: string): string {
  const url = URL.parse(server);
  const isLocal = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return url.origin;
  throw new SutureError(
    "invalid-request",
    `--server must be an https address (http only on this host's loopback), not ${server}`,
  );
}

/** `-` as a token or a file is the standard input, so that the secret need not be in the arguments that everybody can read. */
async function readToken(token: string | undefined, file: string | undefined): Promise<string> {
  if (token === "-" || file === "-") return (await readAll(process.stdin)).trim();
  if (token !== undefined) return token.trim();
  if (file !== undefined) return (await readTokenFile(file)).trim();
  // Not SUTURE_TOKEN: that is the API token of whoever runs `suture` in the same shell
  const inherited = process.env.SUTURE_ENROLMENT_TOKEN;
  if (inherited !== undefined && inherited !== "") return inherited.trim();
  throw new SutureError(
    "invalid-request",
    "A token is needed: --token-file FILE, --token -, or SUTURE_ENROLMENT_TOKEN",
  );
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new SutureError("invalid-request", `The token file ${file} cannot be read`, { cause });
  }
}
