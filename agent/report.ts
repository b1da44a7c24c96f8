import { signStatement } from "../protocol/trust/request.ts";
import type { Agent } from "./agent.ts";
import type { StoredReceipt } from "./state/outbox.ts";

/** A report holds no more than this: receipts, and characters of them (the service reads 2 MiB). */
const maxReceipts = 100;
const maxCharacters = 1_000_000;

/**
 * Hands in the receipts that wait, oldest first; each stays until the service acknowledged it.
 * @returns how many were acknowledged
 * @throws SutureError what the service answered
 */
export async function report(agent: Agent): Promise<number> {
  let acknowledged = 0;
  for (const batch of batches(agent.outbox.waiting())) {
    const body = { machine: agent.enrolment.machine, receipts: batch.map(({ text }) => text) };
    const answer = await agent.service.report(await signStatement("suture-report", body, agent.keys));
    agent.outbox.acknowledge(answer.acknowledged);
    acknowledged += answer.acknowledged.length;
  }
  if (acknowledged > 0) agent.emit({ event: "reported", receipts: acknowledged });
  return acknowledged;
}

function batches(receipts: readonly StoredReceipt[]): StoredReceipt[][] {
  const all: StoredReceipt[][] = [];
  let characters = 0;
  for (const receipt of receipts) {
    const last = all.at(-1);
    characters += receipt.text.length;
    if (last !== undefined && last.length < maxReceipts && characters <= maxCharacters) last.push(receipt);
    else {
      all.push([receipt]);
      characters = receipt.text.length;
    }
  }
  return all;
}
