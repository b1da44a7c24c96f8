import { signStatement } from "../../protocol/trust/request.ts";
import type { Report } from "../../protocol/wire/report.ts";
import type { Agent } from "../agent.ts";
import type { Signed } from "../state/outbox.ts";

/** A report holds no more than this: statements, and characters of them (the service reads 2 MiB). */
const maxStatements = 100;
const maxCharacters = 1_000_000;

/**
 * Hands in the receipts and incidents that wait, oldest first; each stays until the service acknowledged it.
 * @returns how many were acknowledged
 * @throws SutureError what the service answered
 */
export async function report(agent: Agent): Promise<number> {
  let acknowledged = 0;
  for (const batch of batches(agent.outbox.waiting(), maxCharacters)) {
    const answer = await agent.service.report(await signReport(agent, batch));
    agent.outbox.acknowledge(answer.acknowledged);
    for (const { list, at, code, detail } of answer.setAside ?? []) {
      const refused = batch.filter(({ said }) => "incident" in said === (list === "incidents"))[at];
      if (refused === undefined) continue;
      agent.outbox.setAside(refused.said.sequence);
      const sentence = `The service does not take statement ${refused.said.sequence}: ${detail}`;
      agent.emit({ event: "trouble", code, detail: sentence, retryInSeconds: 0 });
    }
    acknowledged += answer.acknowledged.length;
  }
  if (acknowledged > 0) agent.emit({ event: "reported", receipts: acknowledged });
  return acknowledged;
}

/** What waits, as reports that are signed and not handed in; each of so many characters at most, before it is signed. */
export async function signedReports(agent: Agent, longest: number): Promise<string[]> {
  return await Promise.all(batches(agent.outbox.waiting(), longest).map((batch) => signReport(agent, batch)));
}

async function signReport({ enrolment, keys }: Agent, batch: readonly Signed[]): Promise<string> {
  const of = (isIncident: boolean) =>
    batch.filter(({ said }) => "incident" in said === isIncident).map(({ text }) => text);
  const body: Report = { machine: enrolment.machine, receipts: of(false), incidents: of(true) };
  return await signStatement("suture-report", body, keys);
}

function batches(statements: readonly Signed[], longest: number): Signed[][] {
  const all: Signed[][] = [];
  let characters = 0;
  for (const statement of statements) {
    const last = all.at(-1);
    characters += statement.text.length;
    if (last !== undefined && last.length < maxStatements && characters <= longest) last.push(statement);
    else {
      all.push([statement]);
      characters = statement.text.length;
    }
  }
  return all;
}
