import type { Config } from "../config/config.ts";
import { machineKeys, readEnrolment } from "../state/identity.ts";
import { openOutbox } from "../state/outbox.ts";
import type { Result } from "./output.ts";

/** `suture-agent history`: this host's receipts and incidents, oldest first, each with whether the service has it. */
export async function history({ config }: { config: Config }): Promise<Result> {
  const { state } = config;
  const outbox = openOutbox(state, readEnrolment(state).machine, await machineKeys(state));
  const all = outbox.all();
  const receipts = all.flatMap(({ said, acknowledged }) => ("incident" in said ? [] : [{ ...said, acknowledged }]));
  const incidents = all.flatMap(({ said, acknowledged }) => ("incident" in said ? [{ ...said, acknowledged }] : []));
  const lines = all.map(({ said, acknowledged }) => {
    const what = "incident" in said ? said.kind : `${said.action} ${said.patch}: ${said.code}`;
    const at = new Date(said.at * 1000).toISOString();
    return `${at}  ${said.sequence}  ${what}${acknowledged ? "" : " (not reported yet)"}  ${said.detail}`;
  });
  const text = lines.length === 0 ? "Nothing was done on this host yet." : lines.join("\n");
  return { json: { receipts, incidents }, text };
}
