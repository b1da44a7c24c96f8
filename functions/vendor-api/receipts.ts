import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readEnvelope } from "../../protocol/trust/dsse.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { MachineId, Name } from "../../protocol/wire/names.ts";
import { ReceiptList } from "../../protocol/wire/receipts.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure } from "./openapi.ts";

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/machines/{machine}/receipts",
  tags: ["machines"],
  summary: "List a machine's receipts as it signed them",
  description:
    "In-toto statements in DSSE envelopes, newest first, and the key that verifies them: any tool that reads those can check them without this service.",
  request: { params: z.object({ customer: Name, machine: MachineId }), query: PageQuery },
  responses: {
    200: answer(ReceiptList, "One page; it goes on where there is a cursor", examples.receipts),
    ...failure,
  },
});

export function receiptRoutes(app: OpenAPIHono, { machines, receipts }: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer, machine } = c.req.valid("param");
    const found = await machines.get(machine);
    if (found?.customer !== customer) throw new SutureError("not-found", `${customer} has no machine ${machine}`);
    const { items, cursor } = await receipts.listByMachine(machine, c.req.valid("query"));
    // Incidents have numbers in the same row, and are no statements about a patch
    const envelopes = items.filter(({ receipt }) => receipt.startsWith("{"));
    return c.json(
      {
        machine,
        publicKey: found.publicKey,
        receipts: envelopes.map(({ sequence, receivedAt, receipt }) => ({
          sequence,
          receivedAt: new Date(receivedAt).toISOString(),
          envelope: readEnvelope(receipt, `receipt ${sequence}`),
        })),
        ...(cursor !== undefined && { cursor }),
      },
      200,
    );
  });
}
