import { machineKeys, readEnrolment } from "../state/identity.ts";
import { openOutbox } from "../state/outbox.ts";
import type { Result } from "./output.ts";

/** `suture-agent history`: this host's receipts, oldest first, each with whether the service has it. */
export async function history({ state }: { state: string }): Promise<Result> {
  const outbox = openOutbox(state, readEnrolment(state).machine, await machineKeys(state));
  const receipts = outbox.all().map(({ receipt, acknowledged }) => ({ ...receipt, acknowledged }));
  const lines = receipts.map(
    ({ at, sequence, action, patch, code, detail, acknowledged }) =>
      `${new Date(at * 1000).toISOString()}  ${sequence}  ${action} ${patch}: ${code}${acknowledged ? "" : " (not reported yet)"}  ${detail}`,
  );
  return { json: { receipts }, text: lines.length === 0 ? "Nothing was done on this host yet." : lines.join("\n") };
}
