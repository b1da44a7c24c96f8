import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { SutureError } from "../../protocol/errors.ts";
import { requireWellFormed } from "../../protocol/well-formed.ts";
import { misfit } from "../../protocol/wire/parse.ts";
import { failedAuthLimit } from "../failed-auth-limit.ts";
import { answerNotFound, answerProblem, tooLarge } from "../problem.ts";
import { accountRoutes } from "./account.ts";
import { agentReleaseRoutes } from "./agent-releases.ts";
import { auditRoutes } from "./audit.ts";
import { guard } from "./auth.ts";
import { bulkRoutes } from "./bulk.ts";
import { watchChanges } from "./changes.ts";
import { customerRoutes } from "./customers.ts";
import type { VendorApiDeps } from "./deps.ts";
import { downloadRoutes } from "./downloads.ts";
import { enrolmentTokenRoutes } from "./enrolment-tokens.ts";
import { expiryRoutes } from "./expiries.ts";
import { explainRoutes } from "./explain.ts";
import { answerOnce } from "./idempotency.ts";
import { identityRoutes } from "./identity.ts";
import { machineRoutes } from "./machines.ts";
import { memberRoutes } from "./members.ts";
import { metadataRoutes } from "./metadata.ts";
import { offlinePlanRoutes } from "./offline-plans.ts";
import { offlineReportRoutes } from "./offline-reports.ts";
import { onlineKeyRoutes } from "./online-keys.ts";
import { patchHoldRoutes } from "./patch-holds.ts";
import { pinRoutes } from "./pins.ts";
import { policyRoutes } from "./policies.ts";
import { publicationRoutes } from "./publications.ts";
import { limitRates } from "./rate-limit.ts";
import { recallRoutes } from "./recalls.ts";
import { receiptRoutes } from "./receipts.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { serviceRoutes } from "./service.ts";
import { subscriptionRoutes } from "./subscriptions.ts";
import { supportRoutes } from "./support.ts";
import { tokenRoutes } from "./tokens.ts";
import { uploadRoutes } from "./uploads.ts";
import { vendorStopRoutes } from "./vendor-stops.ts";
import { vendorRoutes } from "./vendors.ts";
import { viewRoutes } from "./views.ts";

/** Bundles go to the blob store; what comes here is metadata and forms. Bytes. */
const maxBody = 1024 * 1024;

/** The service's side for vendors, operators and customers. A plain value: the local server mounts it, a Lambda handles it. */
export function vendorApi(deps: VendorApiDeps): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result, c) => {
      // Without a content type Hono would take an absent body for an empty object
      if (result.target === "json" && c.req.header("content-type") === undefined) {
        throw new SutureError("unsupported-media-type", "Send the body as application/json");
      }
      const what = result.target === "json" ? "body" : result.target;
      if (!result.success) throw misfit(result.error, what);
      requireWellFormed(result.data, what);
    },
  });
  app.onError(answerProblem);
  app.notFound(answerNotFound);
  app.use("/v1/*", failedAuthLimit({ now: () => deps.now().getTime(), edgeKey: deps.edgeKey }, [401]));
  guard(app, deps);
  limitRates(app, deps);
  app.use("/v1/*", bodyLimit({ maxSize: maxBody, onError: tooLarge }));
  answerOnce(app, deps);
  watchChanges(app, deps);
  accountRoutes(app);
  vendorRoutes(app, deps);
  onlineKeyRoutes(app, deps);
  metadataRoutes(app, deps);
  uploadRoutes(app, deps);
  customerRoutes(app, deps);
  downloadRoutes(app, deps);
  enrolmentTokenRoutes(app, deps);
  machineRoutes(app, deps);
  explainRoutes(app, deps);
  policyRoutes(app, deps);
  pinRoutes(app, deps);
  viewRoutes(app, deps);
  rolloutRoutes(app, deps);
  patchHoldRoutes(app, deps);
  offlinePlanRoutes(app, deps);
  offlineReportRoutes(app, deps);
  recallRoutes(app, deps);
  vendorStopRoutes(app, deps);
  bulkRoutes(app, deps);
  subscriptionRoutes(app, deps);
  supportRoutes(app, deps);
  tokenRoutes(app, deps);
  memberRoutes(app, deps);
  identityRoutes(app, deps);
  publicationRoutes(app, deps);
  receiptRoutes(app, deps);
  expiryRoutes(app, deps);
  serviceRoutes(app, deps);
  agentReleaseRoutes(app, deps);
  auditRoutes(app, deps);
  return app;
}
