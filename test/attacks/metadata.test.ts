import { createPublicKey } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { digestOf } from "../../protocol/trust/edit.ts";
import { buildId, newHost } from "../support/agent/host.ts";
import { type TestService, testService } from "../support/agent/service.ts";
import { foundRepository, newSigner } from "../support/agent/tuf.ts";
import { attack, codeOf, type Scene } from "./attack.ts";
import { bend, consent, putSigned, readSigned } from "./bend.ts";

const day = 86_400_000;
const timestamp = "acme/timestamp.json";
const role = "echod.stable";
type Keys = Record<string, { keytype: string; scheme: string; keyval: { public: string } }>;
type Delegations = { keys: Keys; roles: { name: string; keyids: string[]; threshold: number }[] };

/** A second patch is published and known to the host; what the first publication's files were is returned. */
async function twoPublications({ service, order, round }: Scene) {
  const first = await order("fix");
  const old = new Map(service.files);
  await order("other");
  await round();
  service.actions = [first];
  return old;
}
const restore = ({ service }: Scene, old: Map<string, Uint8Array>, name: string) =>
  service.files.set(name, old.get(name) ?? Buffer.alloc(0));

describe("old and mixed metadata", () => {
  attack("rollback of the timestamp", "the agent's kept timestamp", "rollback-detected", async (scene) => {
    const old = await twoPublications(scene);
    restore(scene, old, timestamp);
    return await scene.refusal();
  });

  attack(
    "rollback of a role by whoever holds the online keys",
    "the agent's kept snapshot",
    "rollback-detected",
    async (scene) => {
      await twoPublications(scene);
      await consent(scene.service.files, "acme", scene.service.acme, { [role]: 1 });
      return await scene.refusal();
    },
  );

  attack("freeze: one timestamp for ever", "its expiry after 72 hours", "metadata-expired", async (scene) => {
    await scene.order("fix");
    scene.host.clock.millis += 4 * day;
    await scene.service.republishOwn();
    return await scene.refusal();
  });

  attack(
    "freeze by a stolen timestamp key that signs for ten years",
    "the agent's bound on expiry",
    "untrusted-metadata",
    async (scene) => {
      await scene.order("fix");
      const { files, acme } = scene.service;
      const far = (signed: { expires: string }) => {
        signed.expires = "2036-11-25T00:00:00Z";
      };
      await bend(files, timestamp, far, [acme.signers.timestamp]);
      return await scene.refusal();
    },
  );

  attack(
    "freeze with the host's clock set back",
    "the latest plan's time as a floor",
    "metadata-expired",
    async (scene) => {
      const first = await scene.service.publish("fix", buildId);
      const old = new Map(scene.service.files);
      scene.host.clock.millis += 5 * day;
      scene.service.actions = [];
      await scene.service.republish([]);
      await scene.service.republishOwn();
      await scene.round();
      // The thief of the clock shows what was right five days ago, to a host that has not seen this vendor since
      scene.host.clock.millis -= 5 * day;
      for (const [name, bytes] of old) if (name.startsWith("acme/")) scene.service.files.set(name, bytes);
      scene.service.actions = [first];
      scene.service.bendPlan = (plan) => ({ ...plan, exp: plan.exp + (5 * day) / 1000 });
      return await scene.refusal();
    },
  );

  attack(
    "fast-forward: a stolen timestamp key signs version 2147483647",
    "new keys in the vendor's next root",
    "rollback-detected",
    async (scene) => {
      const { files, acme } = scene.service;
      scene.service.actions = [await scene.service.publish("unseen", "ffff0000")];
      const forward = (signed: object) => Object.assign(signed, { version: 2_147_483_647 });
      await bend(files, timestamp, forward, [acme.signers.timestamp]);
      await scene.round();
      const { patch } = await scene.order("fix");
      const code = await scene.refusal();

      await nameNewOnlineKeys(scene);
      await scene.service.republishOwn();
      await scene.round();
      expect(scene.host.engine.pidsWith(patch)).toEqual([1, 2]);
      return code;
    },
  );

  attack(
    "a vendor's stolen online keys, after its root has new ones",
    "the vendor's root, which names them no more",
    "untrusted-metadata",
    async (scene) => {
      const { files, acme } = scene.service;
      await scene.order("fix");
      await scene.round();
      await nameNewOnlineKeys(scene);
      await scene.service.republishOwn();
      await scene.round();
      await scene.order("other");
      const forward = (signed: { version: number }) => {
        signed.version += 10;
      };
      await bend(files, timestamp, forward, [acme.signers.timestamp]);
      return await scene.refusal();
    },
  );

  attack(
    "mix and match: an older role under the newest name",
    "the digest in the snapshot",
    "untrusted-metadata",
    async (scene) => {
      const { service } = scene;
      const first = await service.publish("fix", buildId);
      await service.publish("other", buildId);
      service.files.set("acme/2.echod.stable.json", service.files.get("acme/1.echod.stable.json") ?? Buffer.alloc(0));
      service.actions = [first];
      return await scene.refusal();
    },
  );

  attack("endless data: a timestamp of 20 MB", "a bound on each file", "untrusted-metadata", async (scene) => {
    await scene.order("fix");
    scene.service.files.set(timestamp, Buffer.alloc(20_000_000, " "));
    return await scene.refusal();
  });

  attack(
    "metadata nested 250,000 deep",
    "the signature, which cannot be computed",
    "untrusted-metadata",
    async (scene) => {
      await scene.order("fix");
      const { files } = scene.service;
      const root = Buffer.from(files.get("acme/1.root.json") ?? "").toString("utf8");
      const deep = `${"[".repeat(250_000)}${"]".repeat(250_000)}`;
      files.set("acme/2.root.json", Buffer.from(root.replace('"version":1', `"version":2,"deep":${deep}`)));
      return await scene.refusal();
    },
  );
});

describe("wrong keys", () => {
  attack(
    "a role signed by another role's key (stolen online keys)",
    "the delegation's keys",
    "untrusted-metadata",
    async (scene) => {
      const apply = await scene.order("fix");
      const { files, acme } = scene.service;
      const evil = Buffer.from("{}");
      files.set(`acme/targets/echod/stable/${digestOf(evil).sha256}.fix@1.json`, evil);
      await bend(
        files,
        "acme/1.echod.stable.json",
        (signed) => {
          Object.assign(signed.targets as object, {
            "echod/stable/fix@1.json": { length: 2, hashes: { sha256: digestOf(evil).sha256 } },
          });
        },
        [acme.signers.snapshot],
      );
      await consent(files, "acme", acme, { [role]: 1 });
      scene.service.actions = [{ ...apply, manifest: digestOf(evil).sha256 }];
      return await scene.refusal();
    },
  );

  attack(
    "a stolen publishing key without the service's consent",
    "the snapshot, which does not name it",
    "untrusted-metadata",
    async (scene) => {
      const apply = await scene.order("fix");
      const { files, acme } = scene.service;
      const evil = digestOf(Buffer.from("evil"));
      await bend(
        files,
        "acme/1.echod.stable.json",
        (signed) => {
          Object.assign(signed, { version: 2 });
          Object.assign(signed.targets as object, {
            "echod/stable/fix@1.json": { length: 4, hashes: { sha256: evil.sha256 } },
          });
        },
        [acme.signers.roles[role] ?? newSigner()],
      );
      scene.service.actions = [{ ...apply, manifest: evil.sha256 }];
      return await scene.refusal();
    },
  );

  attack("edge posing as stable", "terminating delegations by path", "untrusted-metadata", async (scene) => {
    const text = await manifestOf(scene);
    const { acme } = scene.service;
    await acme.publish({ [role]: {}, "echod.edge": { "echod/stable/fix@1.json": text } });
    return await scene.refusal();
  });

  attack("an edge manifest that says it is stable", "the manifest's own path", "invalid-patch", async (scene) => {
    const text = await manifestOf(scene);
    const { acme, actions } = scene.service;
    await acme.publish({ [role]: {}, "echod.edge": { "echod/edge/fix@1.json": text } });
    scene.service.actions = actions.map((each) => ({ ...each, patch: "acme/echod/edge/fix@1" }));
    return await scene.refusal();
  });

  attack(
    "a vendor's repository under another's name",
    "that vendor's own root",
    "untrusted-metadata",
    async (scene) => {
      const { service } = scene;
      await scene.order("fix");
      const mine = await foundRepository(
        "acme",
        { [role]: "echod/stable/" },
        service.files,
        () => scene.host.clock.millis,
      );
      await mine.publish({ [role]: {} });
      return await scene.refusal();
    },
  );

  attack("a vendor that nobody admitted", "the service's `vendors` role", "untrusted-metadata", async (scene) => {
    const { service } = scene;
    const apply = await scene.order("fix");
    for (const [name, bytes] of service.files) service.files.set(name.replace(/^acme/, "evil"), bytes);
    service.actions = [{ ...apply, patch: apply.patch.replace("acme", "evil") }];
    return await scene.refusal();
  });

  attack(
    "a next root that the present one did not sign",
    "the present root's keys",
    "untrusted-metadata",
    async (scene) => {
      await scene.order("fix");
      const { files } = scene.service;
      const thief = newSigner();
      const root = readSigned(files, "acme/1.root.json");
      const roles = { ...(root.roles as object), root: { keyids: [thief.key.keyid], threshold: 1 } };
      const keys = { ...(root.keys as Keys), ...publicOf(thief) };
      await putSigned(files, "acme/2.root.json", { ...root, version: 2, keys, roles }, [thief]);
      return await scene.refusal();
    },
  );

  attack("a false first root of a vendor", "its digest in the `vendors` role", "untrusted-metadata", async (scene) => {
    await scene.order("fix");
    const { files } = scene.service;
    for (const name of files.keys()) {
      if (name.endsWith(".acme.root.json"))
        files.set(name, Buffer.from(JSON.stringify({ signed: {}, signatures: [] })));
    }
    return await scene.refusal();
  });

  attack(
    "a thief's root in a vendor's place, by stolen keys of the service",
    "the host's pin of the vendor's root",
    "untrusted-metadata",
    async (scene) => {
      await scene.reopen({ vendors: { acme: rootPin(scene.service) } });
      await usurp(scene);
      return await scene.refusal();
    },
  );

  attack(
    "a thief's root in the place of a vendor that was seen, its metadata removed",
    "the host's pin of the vendor's root",
    "untrusted-metadata",
    async (scene) => {
      await scene.order("seen");
      await scene.round();
      await scene.reopen({ vendors: { acme: rootPin(scene.service) } });
      await usurp(scene);
      rmSync(join(scene.host.state, "repositories/acme.json"));
      return await scene.refusal();
    },
  );

  attack("a vendor that the host does not list", "the host's list of vendors", "untrusted-metadata", async (scene) => {
    await scene.reopen({ vendors: { other: `sha256:${"0".repeat(64)}` } });
    await scene.order("fix");
    return await scene.refusal();
  });

  attack(
    "a false service at enrolment",
    "the root's digest in the token",
    "untrusted-metadata",
    falseService,
    "the host is not enrolled yet",
  );

  async function falseService(scene: Scene) {
    const { service, directory, host } = scene;
    await foundRepository("service", {}, service.files, () => host.clock.millis);
    return await codeOf(newHost(service, { directory: `${directory}/targets`, clock: host.clock }));
  }

  for (const [spelling, spell] of [
    ["under two ids", (pem: string) => pem],
    ["in two spellings", compressedPoint],
  ] as const) {
    attack(
      `a threshold of two met by one key ${spelling}`,
      "keys compared as what they are",
      "untrusted-metadata",
      (scene) => oneKeyTwice(scene, spell),
    );
  }
});

/** Acme's second root names new online keys, and they sign what is public. */
async function nameNewOnlineKeys({ service: { files, acme } }: Scene): Promise<void> {
  const [root, snapshotKey, timestampKey] = [readSigned(files, "acme/1.root.json"), newSigner(), newSigner()];
  const keys = { ...(root.keys as Keys), ...publicOf(snapshotKey), ...publicOf(timestampKey) };
  const roles = {
    ...(root.roles as object),
    snapshot: { keyids: [snapshotKey.key.keyid], threshold: 1 },
    timestamp: { keyids: [timestampKey.key.keyid], threshold: 1 },
  };
  await putSigned(files, "acme/2.root.json", { ...root, version: 2, keys, roles }, [acme.signers.root]);
  const signers = { ...acme.signers, snapshot: snapshotKey, timestamp: timestampKey };
  await consent(files, "acme", { ...acme, signers }, {});
}

const rootPin = ({ acme }: TestService) => `sha256:${digestOf(Buffer.from(acme.rootText)).sha256}`;

/** Who holds the service's keys of `vendors` and of plans puts a vendor of the same name, with a patch, in acme's place. */
async function usurp({ service, host }: Scene): Promise<void> {
  const thief = await testService(() => host.clock.millis);
  service.actions = [await thief.publish("fix", buildId)];
  for (const [name, bytes] of thief.files) if (name.startsWith("acme/")) service.files.set(name, bytes);
  for (const [sha256, bytes] of thief.bundles) service.bundles.set(sha256, bytes);
  await service.vouchFor("acme", thief.acme.rootText);
}

/** Targets delegate to two ids of one key, two of which must sign; both signatures are that key's. */
async function oneKeyTwice(scene: Scene, spell: (pem: string) => string) {
  await scene.order("fix");
  const { files, acme } = scene.service;
  const own = acme.signers.roles[role] ?? newSigner();
  const again = { ...own, as: "f".repeat(64) };
  await bend(
    files,
    "acme/1.targets.json",
    (signed) => {
      const { keys, roles } = signed.delegations as Delegations;
      const { keytype, scheme, keyval } = own.key;
      keys[again.as] = { keytype, scheme, keyval: { public: spell(keyval.public) } };
      for (const each of roles)
        if (each.name === role) Object.assign(each, { keyids: [own.key.keyid, again.as], threshold: 2 });
    },
    [acme.signers.targets],
  );
  await putSigned(files, "acme/1.echod.stable.json", readSigned(files, "acme/1.echod.stable.json"), [own, again]);
  await consent(files, "acme", acme, { targets: 1, [role]: 1 });
  return await scene.refusal();
}

/** The same P-256 key, its point written in 33 bytes. */
function compressedPoint(pem: string): string {
  const { x = "", y = "" } = createPublicKey(pem).export({ format: "jwk" });
  const odd = (Buffer.from(y, "base64url").at(-1) ?? 0) & 1;
  const head = Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex");
  const der = Buffer.concat([head, Buffer.from([2 + odd]), Buffer.from(x, "base64url")]);
  return `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----\n`;
}

function publicOf({ key: { keyid, keytype, scheme, keyval } }: ReturnType<typeof newSigner>): Keys {
  return { [keyid]: { keytype, scheme, keyval } };
}

/** The text of the stable manifest that is ordered. */
async function manifestOf({ order, service }: Scene): Promise<string> {
  const { manifest } = await order("fix");
  return Buffer.from(service.files.get(`acme/targets/echod/stable/${manifest}.fix@1.json`) ?? "").toString("utf8");
}
