import { serviceRepository } from "../jobs/service-repository.ts";
import { collect } from "../stores/page.ts";
import type { NewStatement, OperatorStatement } from "../stores/recalls.ts";
import type { VendorApiDeps } from "./deps.ts";

/** Everything that operators recalled and stopped, the oldest first. */
export async function operatorStatements({ recalls }: Pick<VendorApiDeps, "recalls">): Promise<OperatorStatement[]> {
  return await collect((page) => recalls.list(page));
}

/** Says something in the operator's name, and has the publish job sign it. */
export async function say(
  statement: NewStatement,
  { recalls, queue }: Pick<VendorApiDeps, "recalls" | "queue">,
): Promise<OperatorStatement> {
  const said = await recalls.append(statement);
  await queue.send({ repository: serviceRepository });
  return said;
}
