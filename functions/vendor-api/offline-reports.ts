import { createHash } from "node:crypto";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { Name } from "../../protocol/wire/names.ts";
import { CarriedAnswer, CarriedStatement, OfflineReport } from "../../protocol/wire/offline.ts";
import { Report } from "../../protocol/wire/report.ts";
import { takeReport } from "../agent-api/report.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

export const offlineReport = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/offline-reports",
  tags: ["mirrors"],
  summary: "Hand in what a machine without a network signed",
  description: "Its word of itself, or a report with receipts. Handing one in twice, or an old one, changes nothing.",
  request: {
    params: z.object({ customer: Name }),
    ...jsonBody(CarriedStatement, { kind: "report", statement: "eyJhbGciOiJFZERTQSIsInR5cCI6InN1dHVyZS1yZXBvcnQifQ…" }),
  },
  responses: {
    200: answer(CarriedAnswer, "Whose it is, and what of it was news", {
      machine: `m-${"0a".repeat(16)}`,
      taken: true,
      receipts: 3,
    }),
    ...failure,
  },
});

/** Whoever carries a report is held to this API's own rates (rate-limit.ts). */
const noGate = { machine: () => {}, tenant: () => {} };

export function offlineReportRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(offlineReport, async (c) => {
    const { customer } = c.req.valid("param");
    const { kind, statement } = c.req.valid("json");
    return c.json(
      kind === "report" ? await takeReceipts(customer, statement) : await takeWord(customer, statement),
      200,
    );
  });

  async function takeReceipts(customer: string, statement: string) {
    const { machine } = await verifyStatement("suture-report", statement, Report);
    await refuseStranger(machine, customer);
    const { acknowledged } = await takeReport(statement, { ...deps, gate: noGate, now: deps.now().getTime() });
    return { machine, taken: true, receipts: acknowledged.length };
  }

  /** What the machine says of itself, if it is newer than what is known; when it said so counts as when it was seen. */
  async function takeWord(customer: string, statement: string) {
    const { machine, payload: said } = await verifyStatement("suture-offline-report", statement, OfflineReport);
    if (said.machine !== machine) throw new SutureError("bad-signature", "The statement is another machine's");
    await refuseStranger(machine, customer);
    const bodyHash = createHash("sha256").update(statement).digest("hex");
    const at = Math.min(said.iat * 1000, deps.now().getTime());
    try {
      const { retry } = await deps.machines.checkIn(machine, { ...said, bodyHash, at });
      return { machine, taken: !retry, receipts: 0 };
    } catch (error) {
      if (!isSutureError(error, "counter-behind")) throw error;
      return { machine, taken: false, receipts: 0 };
    }
  }

  async function refuseStranger(id: string, customer: string): Promise<void> {
    const machine = await deps.machines.get(id);
    if (machine?.customer !== customer) throw new SutureError("not-found", `${customer} has no machine ${id}`);
  }
}
