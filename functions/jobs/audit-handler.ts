import { auditStore } from "../stores/audit.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { consumerHandler } from "./consumer-handler.ts";
import { logJobs } from "./log-jobs.ts";

const audit = auditStore(dynamoSdk({}));

/** Logs what jobs changed by themselves. */
export const handler = consumerHandler((batch) => logJobs(batch, { audit }));
