import { SutureError } from "../../protocol/errors.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { Receipt, Report, type ReportAnswer } from "../../protocol/wire/report.ts";
import type { MachinesStore } from "../stores/machines.ts";
import type { ReceiptsStore } from "../stores/receipts.ts";
import type { StatesStore } from "../stores/states.ts";

/**
 * Keeps a machine's receipts, each verified by itself, and the newest word on each patch. Late, repeated or disordered receipts
 * change nothing that they should not; every receipt of the report is acknowledged once it is kept.
 * @param now milliseconds since the epoch
 * @throws SutureError `unauthorized`, `bad-signature`, `wrong-machine`
 */
export async function takeReport(
  jws: string,
  {
    machines,
    receipts,
    states,
    now,
  }: { machines: MachinesStore; receipts: ReceiptsStore; states: StatesStore; now: number },
): Promise<ReportAnswer> {
  const { machine: signer, payload: report } = await verifyStatement("suture-report", jws, Report);
  const known = await machines.get(signer);
  if (known === undefined) throw new SutureError("unauthorized", "The machine is not enrolled here");
  const verified = await Promise.all(
    report.receipts.map(async (text) => {
      const statement = await verifyStatement("suture-receipt", text, Receipt);
      const receipt = statement.payload;
      if (statement.machine !== signer || receipt.machine !== signer) {
        throw new SutureError("wrong-machine", "A receipt is another machine's");
      }
      return { receipt, text };
    }),
  );
  for (const { receipt, text } of verified) {
    const { machine, sequence, patch, code, action, detail, at } = receipt;
    await receipts.put({ machine, sequence, receipt: text, receivedAt: now });
    const state = {
      machine,
      patchId: patch,
      customer: known.customer,
      state: code,
      action,
      detail,
      at: at * 1000,
      receipt: sequence,
    };
    await states.record(state);
  }
  return { acknowledged: verified.map(({ receipt }) => receipt.sequence) };
}
