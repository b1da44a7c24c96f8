import { isSutureError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import {
  type OperatorRecalls,
  operatorRecallsPath,
  type VendorStops,
  vendorStopsPath,
} from "../../protocol/wire/recalls.ts";
import { collect } from "../stores/page.ts";
import type { OperatorStatement, RecallsStore } from "../stores/recalls.ts";
import { type PublishDeps, type PublishResult, publish } from "./publish.ts";
import { announceRecalls, serviceRepository } from "./service-repository.ts";

export type PublishRepositoryDeps = PublishDeps & {
  recalls: RecallsStore;
  /** signs the service's role `recalls` */
  recallsSigner: Signer;
};

/**
 * Brings a repository up to date; before the service's own the operator's recalls and stops are signed into it, and once they are
 * public the tables say so. Killed at any step, the next run goes on.
 * @throws what `publish` throws
 */
export async function publishRepository(repository: string, deps: PublishRepositoryDeps): Promise<PublishResult> {
  if (repository !== serviceRepository) return await publish(repository, deps);
  const statements = await collect((page) => deps.recalls.list(page));
  await announceRecalls(recallFiles(statements), { recalls: deps.recallsSigner }, deps);
  const result = await publish(repository, deps);
  if (result.published || result.because === "up-to-date") await recordPublic(statements, deps);
  return result;
}

/** The files of the `recalls` role. An empty one is left out: there is nothing to say. */
function recallFiles(statements: readonly OperatorStatement[]): Map<string, string> {
  const recalls: OperatorRecalls["recalls"] = [];
  const stops: VendorStops["stops"] = [];
  for (const statement of statements) {
    const at = new Date(statement.at).toISOString();
    const { reason } = statement;
    if (statement.kind === "recall") recalls.push({ patch: statement.patch, reason, at });
    else stops.push({ vendor: statement.vendor, stopped: statement.kind === "stop", reason, at });
  }
  const files = new Map<string, string>();
  if (recalls.length > 0) files.set(operatorRecallsPath, JSON.stringify({ recalls } satisfies OperatorRecalls));
  if (stops.length > 0) files.set(vendorStopsPath, JSON.stringify({ stops } satisfies VendorStops));
  return files;
}

/** Only now: an agent undoes a recalled patch once it has seen the signed statement, so no plan may name it before. */
async function recordPublic(statements: readonly OperatorStatement[], deps: PublishRepositoryDeps): Promise<void> {
  for (const statement of statements.filter(({ publicAt }) => publicAt === undefined)) {
    if (statement.kind === "recall") await markWithdrawn(statement.patch, statement, deps);
    await deps.recalls.markPublic(statement.number, deps.now());
  }
}

async function markWithdrawn(
  patch: string,
  { at, reason }: OperatorStatement,
  { patches }: PublishDeps,
): Promise<void> {
  try {
    await patches.markWithdrawn(patch, { at, reason });
  } catch (error) {
    // It was recalled before it was live: the signed statement alone keeps it out
    if (!isSutureError(error, "not-found")) throw error;
  }
}
