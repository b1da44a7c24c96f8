import { SutureError } from "../../protocol/errors.ts";
import { EnrolmentToken } from "../../protocol/wire/enrol.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Config } from "../config/config.ts";
import { serviceAddress } from "../config/service-address.ts";
import { leaveIfCan } from "../enrolment/leave.ts";
import { openAgent, withLock } from "../open.ts";
import { enrolmentFile } from "../state/identity.ts";
import { forgetHost, type Image, imageFile } from "../state/image.ts";
import { holderOf } from "../state/lock.ts";
import { systemClock } from "../system/clock.ts";
import { makePrivateDirectory } from "../system/files.ts";
import { isSystemError } from "../system/proc.ts";
import { readToken, type TokenOptions } from "./enroll.ts";
import { printEvent } from "./events.ts";
import type { Result } from "./output.ts";

type Options = TokenOptions & {
  config: Config;
  server?: string;
  ephemeral: boolean;
  stopAgent: boolean;
  json: boolean;
};

/** An agent that is asked to stop finishes its step first; milliseconds. */
const patience = 60_000;

/**
 * `suture-agent image prepare`: removes all that makes this host one machine, so that a disk image of it can be started many times,
 * and leaves the token with which each enrols itself.
 */
export async function prepareImage(options: Options): Promise<Result> {
  const { config, json } = options;
  const { state } = config;
  const image = await imageOf(options);
  makePrivateDirectory(state);
  if (options.stopAgent) await stopAgent(state);
  const was = await withLock(state, async () => {
    const known = enrolmentFile(state).read();
    if (known !== undefined) await leaveIfCan(await openAgent(config, (event) => json || printEvent(event, false)));
    forgetHost(state);
    if (image !== undefined) imageFile(state).write(image);
    return known?.machine ?? null;
  });
  const lines = [
    was === null ? "This host is no machine." : `This host is not ${was} any more.`,
    image === undefined
      ? "There is no token in the image: whoever starts it enrols it with `suture-agent enroll`."
      : `Hosts that are started from it enrol themselves at ${image.server}${image.ephemeral ? ", and retire when they stop" : ""}.`,
    "Empty /etc/machine-id too before you take the image, as systemd-firstboot, cloud-init clean or virt-sysprep do.",
  ];
  const { server = null, ephemeral = false } = image ?? {};
  return { json: { machine: was, enrols: image !== undefined, server, ephemeral }, text: lines.join("\n") };
}

/** What is said now counts before what an earlier image held. */
async function imageOf({ config, server, token, tokenFile, ephemeral }: Options): Promise<Image | undefined> {
  const { state } = config;
  const known = imageFile(state).read();
  const wanted = server ?? known?.server ?? enrolmentFile(state).read()?.server ?? config.server;
  const address = wanted === null ? null : serviceAddress(wanted);
  const secret = await readToken(token, tokenFile);
  if (secret === undefined)
    return known && { ...known, ...(address && { server: address }), ephemeral: ephemeral || known.ephemeral };
  if (address === null) throw new SutureError("invalid-request", "With a token, say --server URL");
  return { server: address, token: parseWith(EnrolmentToken, secret, "the enrolment token"), ephemeral };
}

async function stopAgent(state: string): Promise<void> {
  const until = systemClock.now() + patience;
  for (let pid = holderOf(state), asked = false; pid !== undefined; pid = holderOf(state)) {
    if (systemClock.now() > until)
      throw new SutureError("busy-agent", `Process ${pid} does not stop`, { data: { pid } });
    if (!asked) askToStop(pid);
    asked = true;
    await systemClock.sleep(100);
  }
}

function askToStop(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (!isSystemError(error, "ESRCH")) throw error;
  }
}
