import { join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { signReceipt, verifyReceipt } from "../../protocol/trust/receipt.ts";
import type { MachineKeys } from "../../protocol/trust/request.ts";
import type { Receipt } from "../../protocol/wire/report.ts";
import {
  makePrivateDirectory,
  namesIn,
  readBytes,
  removeDurably,
  renameDurably,
  writeDurably,
} from "../system/files.ts";

/** Acknowledged receipts that are kept for `history`. */
const keptReceipts = 1000;
/** Evidence longer than this, in characters of JSON, is left out: a receipt must fit into a report. */
const maxEvidence = 100_000;

type News = Omit<Receipt, "machine" | "sequence">;
/** A receipt, and its envelope's text as it was signed. */
export type StoredReceipt = { receipt: Receipt; text: string; acknowledged: boolean };

/** The machine's receipts: those that wait to be acknowledged, and the newest of those that were. */
export type Outbox = {
  /** Signs a receipt under the next number. It is on the disk before this returns. */
  add(news: News): Promise<Receipt>;
  waiting(): StoredReceipt[];
  acknowledge(sequences: readonly number[]): void;
  /** oldest first */
  all(): StoredReceipt[];
};

const waitingEnd = ".waiting";
const doneEnd = ".done";

/** Opens the outbox, making its directory. A receipt is a file; its name says its number and whether it was acknowledged. */
export function openOutbox(directory: string, machine: string, keys: MachineKeys): Outbox {
  const folder = join(directory, "receipts");
  makePrivateDirectory(folder);
  const read = (name: string): StoredReceipt => {
    const text = readBytes(join(folder, name))?.toString("utf8") ?? "";
    return { receipt: readOwn(name, text, keys), text, acknowledged: name.endsWith(doneEnd) };
  };
  const names = () => [...namesIn(folder, waitingEnd), ...namesIn(folder, doneEnd)].sort();
  return {
    async add(news) {
      const sequence = Number.parseInt(names().at(-1) ?? "0", 10) + 1;
      const small = JSON.stringify(news.evidence).length <= maxEvidence;
      const evidence = small ? news.evidence : { leftOut: "too long for a receipt" };
      const receipt: Receipt = { ...news, machine, sequence, detail: news.detail.slice(0, 2000), evidence };
      writeDurably(join(folder, nameOf(sequence, waitingEnd)), await signReceipt(receipt, keys));
      return receipt;
    },
    waiting: () => namesIn(folder, waitingEnd).map(read),
    acknowledge(sequences) {
      const waiting = new Set(namesIn(folder, waitingEnd));
      for (const sequence of sequences) {
        const name = nameOf(sequence, waitingEnd);
        if (waiting.has(name)) renameDurably(join(folder, name), join(folder, nameOf(sequence, doneEnd)));
      }
      for (const name of namesIn(folder, doneEnd).slice(0, -keptReceipts)) removeDurably(join(folder, name));
    },
    all: () => names().map(read),
  };
}

function readOwn(name: string, text: string, { publicKey }: MachineKeys): Receipt {
  try {
    return verifyReceipt(text, publicKey);
  } catch (cause) {
    throw new SutureError("state-damaged", `The receipt ${name} is damaged`, { cause });
  }
}

function nameOf(sequence: number, ending: string): string {
  return `${String(sequence).padStart(12, "0")}${ending}`;
}
