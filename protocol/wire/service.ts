import { z } from "zod";
import { Instant } from "./names.ts";
import { TufKeyJson } from "./vendor.ts";

/** The roles of the service's own repository that operators sign, offline. */
export const OperatorRole = z.enum(["root", "targets", "agent", "vendors"]);
export const ServiceRole = z.enum([...OperatorRole.options, "plan-keys", "recalls"]);

/** The keys that the service holds for its own repository: public halves. */
export const ServiceKeys = z.object({
  snapshot: TufKeyJson,
  timestamp: TufKeyJson,
  planKeys: TufKeyJson,
  recalls: TufKeyJson,
});
export type ServiceKeys = z.infer<typeof ServiceKeys>;

/** `GET /v1/service` */
export const ServiceView = z.object({
  onlineKeys: ServiceKeys,
  roles: z.array(z.object({ role: z.string(), version: z.number().int(), acceptedAt: Instant, expires: z.string() })),
});

/** `POST /v1/service/plan-keys` */
export const PlanKeysAsked = z.object({ asked: z.literal(true) });
