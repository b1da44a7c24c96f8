import { signStatement } from "../../protocol/trust/request.ts";
import type { OfflineReport, ReportFile } from "../../protocol/wire/offline.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { heldPatches, ownFacts } from "../facts/gather.ts";
import { signedReports } from "../round/report.ts";
import { required } from "../state/json-file.ts";

/** A statement must fit into a request of the API that takes it, signed and encoded; characters. */
const maxCharacters = 400_000;

/**
 * What this host has to say, signed, to be carried to the service. Receipts stay waiting until a plan that is carried back says that
 * the service has them.
 */
export async function reportFile(agent: Agent): Promise<ReportFile & { receipts: number }> {
  const { machine } = agent.enrolment;
  const session = required(agent.session, "session.json");
  const counter = session.counter + 1;
  agent.session.write({ ...session, counter });
  const said: OfflineReport = {
    machine,
    counter,
    iat: secondsOf(agent.clock),
    facts: await ownFacts(agent),
    patches: heldPatches(agent.patches),
  };
  return {
    report: 1,
    machine,
    said: await signStatement("suture-offline-report", said, agent.keys),
    reports: await signedReports(agent, maxCharacters),
    receipts: agent.outbox.waiting().length,
  };
}
