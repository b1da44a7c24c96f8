import { SutureError } from "../../protocol/errors.ts";
import { PatchId, parsePatchId, patchPath, roleName } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { readEnrolment } from "../state/identity.ts";
import { isOnHost, patchesStore } from "../state/patches.ts";
import { repositoriesStore } from "../state/repositories.ts";
import { sessionFile } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import type { Result } from "./output.ts";

type HoldOptions = { config: Config; patch: string; ahead: boolean };

/**
 * `suture-agent hold PATCH`: keeps a patch off this host that is not applied, whatever plans say, until `release`. Needs no network;
 * the service is told at the next check-in.
 * @param ahead also a patch that neither a plan nor the vendor's metadata has named here yet; without it that is taken for a typing error
 * @throws SutureError `conflict` where the patch is applied: use `undo`; `unknown-patch`
 */
export async function hold({ config, patch, ahead }: HoldOptions): Promise<Result> {
  const { state } = config;
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const store = patchesStore(state);
  const record = store.get(id);
  if (record !== undefined && isOnHost(record)) {
    throw new SutureError("conflict", `${id} is applied: \`suture-agent undo ${id}\` undoes and holds it`);
  }
  if (!ahead && record === undefined && !isNamed(id, state)) {
    const detail = `This host has not heard of ${id}. Check the name, or add --ahead to hold it before it is published`;
    throw new SutureError("unknown-patch", detail);
  }
  store.hold({ patch: id, at: secondsOf(systemClock) });
  return {
    json: { patch: id, held: true },
    text: `${id} is held: no plan applies it on this host. \`suture-agent release ${id}\` ends the hold.`,
  };
}

/** Whether the last plan or the vendor's verified metadata on this host names a patch. */
function isNamed(id: string, state: string): boolean {
  const { vendor, product, channel, ...ref } = parsePatchId(id);
  if (
    sessionFile(state)
      .read()
      ?.plan?.holds.some(({ patch }) => patch === id)
  )
    return true;
  const role = repositoriesStore(state).read(vendor)?.files.get(roleName(product, channel));
  return role?.toString().includes(`"${patchPath({ product, channel, ...ref })}.json"`) === true;
}
