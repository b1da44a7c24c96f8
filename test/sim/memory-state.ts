import type { JsonFile } from "../../agent/state/json-file.ts";
import type { Outbox, Signed } from "../../agent/state/outbox.ts";
import type { PatchesStore, PatchRecord } from "../../agent/state/patches.ts";
import type { RepositoriesStore } from "../../agent/state/repositories.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, signStatement } from "../../protocol/trust/request.ts";
import type { Incident } from "../../protocol/wire/incident.ts";
import type { Receipt } from "../../protocol/wire/report.ts";

/** What an agent keeps in files, in memory: a thousand agents would wait for the disk and for nothing else. */
export function memoryFile<T>(): JsonFile<T> {
  let kept: T | undefined;
  return {
    read: () => kept,
    write: (value) => {
      kept = value;
    },
    remove: () => {
      kept = undefined;
    },
  };
}

export function memoryPatches(): PatchesStore {
  const records = new Map<string, PatchRecord>();
  const payloads = new Map<string, Uint8Array>();
  const holds = new Map<string, { patch: string; at: number }>();
  const recalled = new Set<string>();
  return {
    all: () => [...records.values()],
    get: (patch) => records.get(patch),
    put: (record) => void records.set(record.patch, record),
    putPayloads(variants) {
      for (const { variant, payload } of variants) payloads.set(variant.bundle.payload.sha256, payload);
    },
    payloadBytes: () => 0,
    forgetOldest: () => false,
    payload: (sha256) => payloads.get(sha256),
    holds: () => [...holds.values()],
    hold: (hold) => void holds.set(hold.patch, hold),
    release: (patch) => void holds.delete(patch),
    recalled: () => recalled,
    addRecalled: (patches) => {
      for (const patch of patches) recalled.add(patch);
    },
    holdsDirectory: "",
  };
}

export function memoryRepositories(): RepositoriesStore {
  const kept = new Map<string, NonNullable<ReturnType<RepositoriesStore["read"]>>>();
  return {
    read: (repository) => kept.get(repository),
    write: (repository, stored) => void kept.set(repository, stored),
    versions: () =>
      Object.fromEntries(
        [...kept].map(
          ([
            name,
            {
              versions: { root, timestamp },
            },
          ]) => [name, { root, timestamp }],
        ),
      ),
  };
}

export function memoryOutbox(machine: string, keys: MachineKeys): Outbox {
  const statements: Signed[] = [];
  return {
    async add(news) {
      const said: Receipt = { ...news, machine, sequence: statements.length + 1 };
      statements.push({ said, text: await signReceipt(said, keys), acknowledged: false });
      return said;
    },
    async addIncident(trouble) {
      const said: Incident = { ...trouble, incident: 1, machine, sequence: statements.length + 1 };
      statements.push({ said, text: await signStatement("suture-incident", said, keys), acknowledged: false });
      return said;
    },
    waiting: () => statements.filter(({ acknowledged }) => !acknowledged),
    acknowledge: (sequences) => {
      for (const sequence of sequences) {
        const known = statements[sequence - 1];
        if (known !== undefined) known.acknowledged = true;
      }
    },
    setAside(sequence) {
      const known = statements[sequence - 1];
      if (known !== undefined) known.acknowledged = true;
    },
    all: () => statements,
  };
}
