import { createHash } from "node:crypto";
import { daysLeft, type Notice, noticesDue, signedRolesOf } from "../domain/expiry.ts";
import type { AuditStore } from "../stores/audit.ts";
import { collect } from "../stores/page.ts";
import type { RolesStore } from "../stores/roles.ts";
import type { VendorsStore } from "../stores/vendors.ts";
import { serviceRepository } from "./service-repository.ts";

export type ExpiriesDeps = { roles: RolesStore; vendors: VendorsStore; audit: AuditStore };

/** Days until the first signature ends: of the service's own, and of any vendor's. */
export type DaysLeft = { service: number; vendors: number };

/**
 * Tells owners, in their log of changes, what of theirs ends in 60, 30 and 7 days: once for each version of a role and step, however
 * often it runs.
 * @param now milliseconds since the epoch
 */
export async function warnOfExpiries({
  roles,
  vendors,
  audit,
  now,
}: ExpiriesDeps & { now: number }): Promise<DaysLeft> {
  const rolesOf = async (name: string) => signedRolesOf(name, await roles.listAll(name));
  const own = await rolesOf(serviceRepository);
  const theirs = [];
  for (const { vendor } of await collect((page) => vendors.list(page))) theirs.push(...(await rolesOf(vendor)));
  for (const notice of noticesDue([...own, ...theirs], now)) await tell(notice, audit);
  return { service: daysLeft(own, now), vendors: daysLeft(theirs, now) };
}

async function tell({ repository, role, version, expires, days, since }: Notice, audit: AuditStore): Promise<void> {
  const after = { role, version, expires: new Date(expires).toISOString(), days };
  const once = createHash("sha256")
    .update(JSON.stringify([repository, after]))
    .digest("hex")
    .slice(0, 12);
  await audit.appendOnce(
    {
      log: repository === serviceRepository ? "service" : `vendor/${repository}`,
      at: since,
      who: "schedule",
      what: `${role} ends in ${days} days: renew it`,
      after: JSON.stringify(after),
    },
    once,
  );
}

/**
 * The days as a line of a log that CloudWatch makes metrics of, for the alarms (docs/operations.md#service-expiry).
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function daysLeftMetric({ service, vendors }: DaysLeft, now: number): object {
  const Metrics = [{ Name: "ServiceDaysLeft" }, { Name: "VendorDaysLeft" }];
  const CloudWatchMetrics = [{ Namespace: "Suture", Dimensions: [[]], Metrics }];
  return { _aws: { Timestamp: now, CloudWatchMetrics }, ServiceDaysLeft: service, VendorDaysLeft: vendors };
}
