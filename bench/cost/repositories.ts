import { createHash } from "node:crypto";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import type { CheckInRequest } from "../../protocol/wire/check-in.ts";
import { planKeysPath, vendorRootPath } from "../../protocol/wire/plan.ts";
import { operatorRecallsPath, vendorStopsPath } from "../../protocol/wire/recalls.ts";

type Role = { version: number; targets: Record<string, string> };
type Repository = { version: number; roles: Record<string, Role> };

/** How often a snapshot is signed anew though nothing changed (functions/jobs/publish.ts). */
const snapshotMillis = 3 * 86_400_000;
/** As an ECDSA key signs. */
const signature = { keyid: "0".repeat(64), sig: "0".repeat(142) };

const channel = "echod.stable";
const recallsPath = "echod/stable/recalls.json";

/** The service's repository and one of its `vendors`, as large as if they were signed; what became old is still there. */
export function openRepositories(start: number, vendors: number) {
  const none: Role = { version: 1, targets: {} };
  const roots = Array.from({ length: vendors }, (_, at) => [vendorRootPath(`vendor-${at}`), "r".repeat(1500)]);
  const stops: Role = { version: 1, targets: { [operatorRecallsPath]: "{}", [vendorStopsPath]: "{}" } };
  const service: Repository = {
    version: 1,
    roles: {
      targets: none,
      agent: none,
      recalls: stops,
      vendors: { version: 1, targets: Object.fromEntries(roots) },
      "plan-keys": planKeys(1),
    },
  };
  const acme: Repository = { version: 1, roles: { targets: none, [channel]: none } };
  const repositories: Record<string, Repository> = { service, acme };
  const kept = new Map<string, string>();
  keep();

  function keep(): void {
    for (const [repository, { version, roles }] of Object.entries(repositories)) {
      const meta = Object.entries(roles).map(([role, of]) => [`${role}.json`, { version: of.version }]);
      kept.set(`${repository}/timestamp.json`, signed({ version, meta: { "snapshot.json": described("", version) } }));
      kept.set(`${repository}/${version}.snapshot.json`, signed({ version, meta: Object.fromEntries(meta) }));
      for (const [role, of] of Object.entries(roles)) {
        const targets = Object.entries(of.targets);
        const listed = Object.fromEntries(targets.map(([path, text]) => [path, described(text)]));
        kept.set(`${repository}/${of.version}.${role}.json`, signed({ version: of.version, targets: listed }));
        for (const [path, text] of targets) kept.set(`${repository}/${fileOf(path, text)}`, text);
      }
    }
  }

  return {
    /** A public file, as `MetadataHints` reads it. */
    read: (repository: string, name: string) => Promise.resolve(kept.get(`${repository}/${name}`)),

    /** Signs what is due by now: snapshots every three days, and once in the month new keys of plans. */
    renew(now: number): void {
      const renewals = 1 + Math.floor((now - start) / snapshotMillis);
      if (service.version === renewals) return;
      service.version = renewals;
      acme.version++;
      if (renewals === 5) service.roles["plan-keys"] = planKeys(2);
      keep();
    },

    /** Names a manifest in the vendor's channel. */
    publish(path: string, manifest: string): void {
      const { targets = {} } = acme.roles[channel] ?? {};
      acme.version++;
      acme.roles[channel] = { version: acme.version, targets: { ...targets, [recallsPath]: "{}", [path]: manifest } };
      keep();
    },

    /** What a machine says it holds that is up to date. */
    versions(): CheckInRequest["metadata"] {
      const all = Object.entries(repositories).map(([name, { version }]) => [name, version] as const);
      return Object.fromEntries(
        all.map(([name, version]) => [name, { root: 1, timestamp: version, snapshot: version }]),
      );
    },

    /** The names of the targets' files that a machine reads to apply a patch: path of the manifest. */
    readFor(path: string): string[] {
      const targets = acme.roles[channel]?.targets ?? {};
      return [path, recallsPath].map((each) => fileOf(each, targets[each] ?? ""));
    },
  };
}

function planKeys(version: number): Role {
  return { version, targets: { [planKeysPath]: JSON.stringify({ version, keys: "k".repeat(300) }) } };
}

function signed(content: Record<string, unknown>): string {
  return JSON.stringify({
    signatures: [signature],
    signed: { spec_version: "1.0.31", expires: "2026-11-28T12:00:00Z", ...content },
  });
}

function described(text: string, version?: number) {
  return { version, length: text.length, hashes: { sha256: sha256Of(text) } };
}

function fileOf(path: string, text: string): string {
  return targetFileName(path, sha256Of(text));
}

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
