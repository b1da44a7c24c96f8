import { z } from "zod";
import { PageQuery } from "./account.ts";
import { Name } from "./names.ts";

/** Whose a saved view is: of whoever saved it, or of everybody in the account. */
export const ViewScope = z.enum(["own", "shared"]);
export type ViewScope = z.infer<typeof ViewScope>;
export const ViewName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$/, "up to 40 letters, digits, spaces, . _ -");

/** `PUT /v1/customers/{customer}/views/{scope}/{view}`: a list of machines that somebody wants to come back to. */
export const ViewTerms = z.strictObject({
  state: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional()
    .describe("Machines in this state"),
  exposed: z.enum(["critical", "high", "medium", "low"]).optional().describe("Whose worst open patch is so severe"),
  group: Name.optional(),
  begins: z.string().min(1).max(200).optional().describe("What the host name begins with"),
  by: z.enum(["name", "seen"]).default("name").describe("The order: by name, or the longest silent first"),
});
export type ViewTerms = z.infer<typeof ViewTerms>;
export const SavedView = z.object({ scope: ViewScope, name: ViewName, ...ViewTerms.shape });
export type SavedView = z.infer<typeof SavedView>;
export const SavedViewQuery = PageQuery.extend({ scope: ViewScope.default("shared") });
export const SavedViewList = z.object({ views: z.array(SavedView), cursor: z.string().optional() });
