import { createPublicKey } from "node:crypto";
import { SutureError } from "../errors.ts";
import type { MachineKey } from "../wire/enrol.ts";
import { type Receipt, ReceiptStatement, receiptType } from "../wire/report.ts";
import { statementType } from "../wire/statement.ts";
import { readEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts";
import { type MachineKeys, machineIdOf } from "./request.ts";

/**
 * Signs a receipt: an in-toto statement about the patch's manifest in a DSSE envelope, with the machine's Ed25519 key.
 * @returns the envelope's text
 */
export async function signReceipt({ patch, manifest, at, ...rest }: Receipt, keys: MachineKeys): Promise<string> {
  const statement: ReceiptStatement = {
    _type: statementType,
    subject: [{ name: patch, digest: { sha256: manifest } }],
    predicateType: receiptType,
    predicate: { ...rest, at: new Date(at * 1000).toISOString() },
  };
  const envelope = await signEnvelope(statement, [
    {
      keyid: machineIdOf(keys.publicKey),
      sign: async (bytes) =>
        new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, new Uint8Array(bytes))),
    },
  ]);
  return JSON.stringify(envelope);
}

/**
 * Verifies a receipt by the key of the machine that is said to have signed it.
 * @throws SutureError `bad-signature`, `invalid-request`; `wrong-machine` where it speaks for another machine
 */
export function verifyReceipt(text: string, key: MachineKey): Receipt {
  const verifying = createPublicKey({ key: { ...key }, format: "jwk" });
  const statement = verifyEnvelope(readEnvelope(text, "receipt"), { keys: [verifying] }, ReceiptStatement);
  const {
    subject: [{ name: patch, digest }],
    predicate: { at, ...rest },
  } = statement;
  if (rest.machine !== machineIdOf(key)) throw new SutureError("wrong-machine", "A receipt is another machine's");
  return { ...rest, patch, manifest: digest.sha256, at: Math.floor(Date.parse(at) / 1000) };
}
