import { join } from "node:path";
import { decodeJwt } from "jose";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { signReceipt, verifyReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, signStatement } from "../../protocol/trust/request.ts";
import { Incident } from "../../protocol/wire/incident.ts";
import type { Receipt } from "../../protocol/wire/report.ts";
import {
  damagedEnd,
  makePrivateDirectory,
  namesIn,
  readBytes,
  removeDurably,
  renameDurably,
  setAside,
  writeDurably,
} from "../system/files.ts";

/** Acknowledged receipts that are kept for `history`. */
const keptReceipts = 1000;
/** Evidence longer than this, in characters of JSON, is left out: a receipt must fit into a report. */
const maxEvidence = 100_000;
/** Characters of a sentence that a statement holds. */
const maxDetail = 2000;

type News = Omit<Receipt, "machine" | "sequence">;
type Trouble = Omit<Incident, "incident" | "machine" | "sequence">;
/** What this machine said, its text as it was signed (a receipt's envelope, an incident's JWS), and whether the service has it. */
export type Signed = { said: Receipt | Incident; text: string; acknowledged: boolean };

/** The machine's receipts and incidents: those that wait to be acknowledged, and the newest of those that were. */
export type Outbox = {
  /** Signs a receipt under the next number. It is on the disk before this returns. */
  add(news: News): Promise<Receipt>;
  /** Likewise an incident. */
  addIncident(trouble: Trouble): Promise<Incident>;
  waiting(): Signed[];
  acknowledge(sequences: readonly number[]): void;
  /** Stops handing in a statement that the service never takes; it is kept for whoever looks. */
  setAside(sequence: number): void;
  /** oldest first */
  all(): Signed[];
};

const waitingEnd = ".waiting";
const doneEnd = ".done";

/** Opens the outbox, making its directory. A statement is a file; its name says its number and whether it was acknowledged. */
export function openOutbox(directory: string, machine: string, keys: MachineKeys): Outbox {
  const folder = join(directory, "receipts");
  makePrivateDirectory(folder);
  const read = (name: string): Signed => {
    const text = readBytes(join(folder, name))?.toString("utf8") ?? "";
    return { said: readOwn(name, text, keys), text, acknowledged: name.endsWith(doneEnd) };
  };
  const names = () => [...namesIn(folder, waitingEnd), ...namesIn(folder, doneEnd)].sort();
  /** Those that can be read; a damaged one is set aside, so that the others go on. Its number is never given again. */
  const readAll = (some: readonly string[]) =>
    some.flatMap((name) => {
      try {
        return [read(name)];
      } catch (error) {
        if (!isSutureError(error, "state-damaged")) throw error;
        setAside(join(folder, name));
        return [];
      }
    });
  const nextSequence = () => Number.parseInt([...names(), ...namesIn(folder, damagedEnd)].sort().at(-1) ?? "0", 10) + 1;
  const keep = ({ sequence }: Receipt | Incident, text: string) =>
    writeDurably(join(folder, nameOf(sequence, waitingEnd)), text);
  return {
    async add(news) {
      const small = JSON.stringify(news.evidence).length <= maxEvidence;
      const evidence = small ? news.evidence : { leftOut: "too long for a receipt" };
      const detail = news.detail.slice(0, maxDetail);
      const receipt: Receipt = { ...news, machine, sequence: nextSequence(), detail, evidence };
      keep(receipt, await signReceipt(receipt, keys));
      return receipt;
    },
    async addIncident(trouble) {
      const detail = trouble.detail.slice(0, maxDetail);
      const incident: Incident = { ...trouble, incident: 1, machine, sequence: nextSequence(), detail };
      keep(incident, await signStatement("suture-incident", incident, keys));
      return incident;
    },
    waiting: () => readAll(namesIn(folder, waitingEnd)),
    acknowledge(sequences) {
      const waiting = new Set(namesIn(folder, waitingEnd));
      for (const sequence of sequences) {
        const name = nameOf(sequence, waitingEnd);
        if (waiting.has(name)) renameDurably(join(folder, name), join(folder, nameOf(sequence, doneEnd)));
      }
      for (const name of namesIn(folder, doneEnd).slice(0, -keptReceipts)) removeDurably(join(folder, name));
    },
    setAside(sequence) {
      const name = nameOf(sequence, waitingEnd);
      if (namesIn(folder, waitingEnd).includes(name)) setAside(join(folder, name));
    },
    all: () => readAll(names()),
  };
}

function readOwn(name: string, text: string, { publicKey }: MachineKeys): Receipt | Incident {
  try {
    return text.startsWith("{") ? verifyReceipt(text, publicKey) : Incident.parse(decodeJwt(text));
  } catch (cause) {
    throw new SutureError("state-damaged", `The statement ${name} is damaged`, { cause });
  }
}

function nameOf(sequence: number, ending: string): string {
  return `${String(sequence).padStart(12, "0")}${ending}`;
}
