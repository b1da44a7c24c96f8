import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { verifyReceipt } from "../../protocol/trust/receipt.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { Incident } from "../../protocol/wire/incident.ts";
import { partialIn } from "../../protocol/wire/partial.ts";
import { type Receipt, Report, type ReportAnswer, type SetAside } from "../../protocol/wire/report.ts";
import { blamedPatch } from "../domain/late-trouble.ts";
import { faultOf } from "../domain/outcome.ts";
import type { Enrolled, MachinesStore } from "../stores/machines.ts";
import type { ReceiptsStore } from "../stores/receipts.ts";
import type { StatesStore } from "../stores/states.ts";
import type { AgentGate } from "./limits.ts";

type Stores = {
  machines: MachinesStore;
  receipts: ReceiptsStore;
  states: StatesStore;
  gate: Pick<AgentGate, "machine" | "tenant">;
  /** hears of each bundle that a machine could not use as it was served */
  onFault?: ((fault: { patch: string; detail: string }) => void) | undefined;
};

/**
 * Keeps a machine's receipts and incidents, each verified by itself, and the newest statement on each patch. What comes late, repeated or
 * disordered changes nothing that it should not; what is good is acknowledged once it is kept, what is not is named.
 * @param now milliseconds since the epoch
 * @throws SutureError `unauthorized`, `bad-signature`, `wrong-machine`, `rate-limited`
 */
export async function takeReport(jws: string, { now, ...stores }: Stores & { now: number }): Promise<ReportAnswer> {
  const { machine: signer, key, payload: report } = await verifyStatement("suture-report", jws, Report);
  stores.gate.machine(signer);
  const known = await stores.machines.enrolled(signer);
  if (known === undefined) throw new SutureError("unauthorized", "The machine is not enrolled here");
  stores.gate.tenant(known.customer);
  const receipts = await eachByItself("receipts", report.receipts, async (text) => ({
    said: verifyReceipt(text, key),
    text,
  }));
  const incidents = await eachByItself("incidents", report.incidents ?? [], (text) => verifyIncident(text, signer));
  const all = [...receipts.good, ...incidents.good];
  const setAside = [...receipts.setAside, ...incidents.setAside];
  for (const { said, text } of all) {
    await stores.receipts.put({ machine: signer, sequence: said.sequence, receipt: text, receivedAt: now });
    if ("incident" in said) await blame(said, known, stores);
    else await record(said, known, stores);
  }
  if (report.waiting !== undefined) await stores.machines.noteWaiting(signer, { ...report.waiting, at: now });
  return { acknowledged: all.map(({ said }) => said.sequence), ...(setAside.length > 0 && { setAside }) };
}

/** One statement that is no good keeps none of the others from being kept. */
async function eachByItself<T>(list: SetAside["list"], texts: readonly string[], verify: (text: string) => Promise<T>) {
  const good: T[] = [];
  const setAside: SetAside[] = [];
  for (const [at, text] of texts.entries()) {
    try {
      good.push(await verify(text));
    } catch (error) {
      if (!isSutureError(error)) throw error;
      setAside.push({ list, at, code: error.code, detail: error.message });
    }
  }
  return { good, setAside };
}

async function verifyIncident(text: string, signer: string): Promise<{ said: Incident; text: string }> {
  const { machine, payload: said } = await verifyStatement("suture-incident", text, Incident);
  if (machine !== signer || said.machine !== signer)
    throw new SutureError("wrong-machine", "An incident is another machine's");
  return { said, text };
}

async function record(receipt: Receipt, { customer }: Enrolled, { states, onFault }: Stores): Promise<void> {
  const { machine, sequence, patch, code, action, detail, at, evidence } = receipt;
  const partial = code === "applied" || code === "already-applied" ? partialIn(evidence) : undefined;
  const fault = faultOf(receipt);
  const isNew = await states.record({
    machine,
    patchId: patch,
    customer,
    state: code,
    action,
    // an older agent may have cut it within a character
    detail: detail.toWellFormed(),
    at: at * 1000,
    receipt: sequence,
    ...(partial !== undefined && { partial }),
    ...(fault !== undefined && { fault }),
  });
  if (isNew && fault !== undefined) onFault?.({ patch, detail });
}

async function blame(incident: Incident, { customer }: Enrolled, { states }: Stores): Promise<void> {
  const patch = blamedPatch(incident);
  if (patch === undefined) return;
  const { machine, kind, detail, at, sequence } = incident;
  const trouble = { kind, detail: detail.toWellFormed(), at: at * 1000, sequence };
  await states.blame({ machine, patchId: patch.patch, customer }, trouble, patch.since * 1000);
}
