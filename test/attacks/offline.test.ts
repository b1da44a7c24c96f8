import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CryptoKey, generateKeyPair } from "jose";
import { describe, expect } from "vitest";
import { openBundleFile } from "../../agent/mirror/bundle-file.ts";
import type { Source } from "../../agent/mirror/source.ts";
import { importPlan } from "../../agent/offline/import.ts";
import { tarBlock, tarHeader } from "../../protocol/bundle-file.ts";
import type { Code } from "../../protocol/errors.ts";
import { signOfflinePlan } from "../../protocol/trust/offline-plan.ts";
import type { OfflinePlan } from "../../protocol/wire/offline.ts";
import { attack, codeOf, type Scene } from "./attack.ts";

const day = 86_400;

/** A file with everything that the service shows, and a plan that applies what is ordered, changed by a thief. */
async function carry(scene: Scene, change: Partial<OfflinePlan> = {}, thief?: { kid: string; privateKey: CryptoKey }) {
  const { service, host } = scene;
  const iat = Math.floor(host.clock.millis / 1000);
  const actions = service.actions.flatMap((action) => (action.do === "apply" ? [action] : []));
  const plan = { offlinePlan: 1 as const, customer: "globex", group: "default", iat, exp: iat + 30 * day, actions };
  const jws = await signOfflinePlan({ ...plan, acknowledged: {}, ...change }, thief ?? (await keyOf(scene)));
  return {
    location: "a file",
    read: (path) => {
      const [area = "", ...rest] = path.split("/");
      const name = rest.join("/");
      const found =
        area === "tuf" ? service.files.get(name) : area === "bundles" ? service.bundles.get(name) : Buffer.from(jws);
      return Promise.resolve(found);
    },
  } satisfies Source;
}

/** An entry of another kind than a plain file's, in the words of its header. @see ustar, IEEE Std 1003.1-1988 */
function entry(type: string, name: string, size: number): Uint8Array {
  const header = Buffer.from(tarHeader(name, size));
  header.write(type, 156);
  header.fill(" ", 148, 156);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
const archiveTricks = {
  "a link that leads out of it": () => entry("2", "index.json", 0),
  "a device": () => entry("3", "index.json", 0),
  "a file that leads out of it": () => entry("0", "../../../etc/cron.d/index.json", 0),
  "an index of 4 GB": () => entry("0", "index.json", 2 ** 32),
};

const keys = new WeakMap<Scene, { kid: string; privateKey: CryptoKey }>();
async function keyOf(scene: Scene) {
  const known = keys.get(scene);
  if (known !== undefined) return known;
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await scene.service.announceOfflineKeys({ o1: publicKey });
  const key = { kid: "o1", privateKey };
  keys.set(scene, key);
  return key;
}

/** What an import comes to; nothing on the host may change. */
async function refused(scene: Scene, source: Source): Promise<Code> {
  const before = scene.host.engine.read();
  const code = await codeOf(importPlan(scene.host.agent, source));
  expect(scene.host.engine.read()).toEqual(before);
  return code;
}

describe("a plan carried by hand", () => {
  attack("for another group", "the addressee in the plan", "wrong-machine", async (scene) => {
    await scene.order("fix");
    return await refused(scene, await carry(scene, { group: "other" }));
  });

  attack("an older one after a newer", "the time of the last one taken", "plan-invalid", async (scene) => {
    const { patch } = await scene.order("fix");
    const older = await carry(scene);
    scene.host.clock.millis += 60_000;
    await importPlan(scene.host.agent, await carry(scene));
    expect(scene.host.engine.pidsWith(patch)).toEqual([1, 2]);
    return await refused(scene, older);
  });

  attack("valid for 91 days", "the bound of 90", "plan-invalid", async (scene) => {
    await scene.order("fix");
    return await refused(scene, await carry(scene, { exp: Math.floor(scene.host.clock.millis / 1000) + 91 * day }));
  });

  attack("signed with a stolen key of ordinary plans", "keys of its own kind", "plan-invalid", async (scene) => {
    await scene.order("fix");
    await keyOf(scene);
    return await refused(scene, await carry(scene, {}, scene.service.planKey));
  });

  for (const [what, header] of Object.entries(archiveTricks)) {
    attack(
      `in an archive with ${what}`,
      "an archive that is read where it lies, plain files alone",
      "invalid-request",
      async (scene) => {
        const file = join(scene.directory, "carried.tar");
        writeFileSync(file, Buffer.concat([header(), Buffer.alloc(tarBlock * 2)]));
        return await codeOf(openBundleFile(file));
      },
      "nothing of it is read; whoever carries it is told",
    );
  }

  attack("in a file that lay about for four days", "the metadata's expiry", "mirror-stale", async (scene) => {
    await scene.order("fix");
    const source = await carry(scene);
    scene.host.clock.millis += 4 * day * 1000;
    return await refused(scene, source);
  });
});
