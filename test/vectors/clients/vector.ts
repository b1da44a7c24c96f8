import type { Reading } from "../../../agent/engines/delegated/client.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";

/** What a tool printed, by the command line that it was asked with. */
type Printed = { code?: number; stdout?: string; stderr?: string };

/** An output of another vendor's client as a document has it, cut down to what is read of it, and what this agent makes of it. */
export type Vector = {
  /** where it is written */
  document: string;
  /** of the client or of the document */
  version: string;
  prints: Readonly<Record<string, Printed>>;
  /** what reading comes to; or, where `order` is there, what the order comes to */
  reads?: Partial<Reading>;
  ordered?: OutcomeCode;
};
