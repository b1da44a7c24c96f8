import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isSutureError } from "../../protocol/errors.ts";
import { acceptRole, acceptRoot, acceptTargets } from "../../protocol/trust/accept.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { memorySigner } from "../../test/support/vendor-metadata.ts";
import { makeKey } from "../commands/vendor-key.ts";
import type { Place } from "./carry-out.ts";
import { delegateProduct } from "./delegate-product.ts";
import { foundRoot } from "./found-root.ts";
import { heldKeys, heldOrNewKey } from "./held-keys.ts";
import { delegationsIn, rolesIn } from "./next-metadata.ts";
import { renew } from "./renew.ts";
import type { Repository } from "./repository.ts";
import { revoke } from "./revoke.ts";
import { rotate } from "./rotate.ts";
import { setKeys } from "./set-keys.ts";

const now = new Date("2026-11-25T00:00:00Z");
const online = { snapshot: memorySigner().key, timestamp: memorySigner().key };
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "suture-laws-"));
});
afterAll(() => rm(home, { recursive: true }));

/** A repository that takes what vendor-api takes, and holds at each step that clients can still verify everything. */
function strictRepository(): Repository {
  const texts = new Map<string, string>();
  const verifyAll = () => {
    const root = readMetadata("root", texts.get("root") ?? "");
    const targets = texts.get("targets");
    if (targets === undefined) return;
    const metadata = acceptTargets(targets, root);
    for (const { role } of delegationsIn(targets)) {
      const text = texts.get(role);
      if (text !== undefined) acceptRole(text, role, metadata);
    }
  };
  return {
    name: "acme",
    kind: "vendor",
    owns: () => true,
    newest: async (role) => {
      const text = texts.get(role);
      return text === undefined ? undefined : { role, version: versionOf(role, text), text };
    },
    send: async (role, { text }) => {
      if (role === "root") acceptRoot(text, texts.get("root"), online);
      texts.set(role, text);
      verifyAll();
      return { role, version: versionOf(role, text) };
    },
  };
}

function versionOf(role: string, text: string): number {
  return readMetadata(role === "root" ? "root" : "targets", text).signed.version;
}

const names = ["root-1", "root-2", "root-3", "targets", "publishing"] as const;
const step = fc.oneof(
  fc.record({ do: fc.constant("rotate" as const), key: fc.constantFrom(...names) }),
  fc.record({ do: fc.constant("revoke" as const), key: fc.constantFrom(...names) }),
  fc.record({
    do: fc.constant("set-keys" as const),
    role: fc.constantFrom("root", "targets", "echod", "echod.edge"),
    keys: fc.subarray([...names], { minLength: 1 }),
    threshold: fc.integer({ min: 1, max: 3 }),
  }),
);

it("whatever is done in whatever order, what is in force can be signed by keys that are there, and clients verify every step", async () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const directory = await mkdtemp(join(home, "keys-"));
      const place: Place = { repository: strictRepository(), directory, now };
      const [one, two, three, targets, publishing] = await Promise.all(
        names.map(async (name) => (await heldOrNewKey(directory, name, undefined)).key),
      );
      if (!one || !two || !three || !targets || !publishing) throw new Error("a key is missing");
      const roles = { root: [one, two, three], threshold: 2, targets: { keys: [targets], threshold: 1 }, online };
      await foundRoot(place, roles);
      await delegateProduct(place, "echod", publishing);
      for (const each of all) await attempt(() => carry(place, each));

      const held = new Set((await everyKey(directory)).map(({ signer }) => signer.key.keyid));
      const root = (await place.repository.newest("root"))?.text ?? "";
      const delegations = delegationsIn((await place.repository.newest("targets"))?.text);
      for (const { keys, threshold } of [rolesIn(root).root, rolesIn(root).targets, ...delegations]) {
        expect(keys.filter(({ keyid }) => held.has(keyid)).length).toBeGreaterThanOrEqual(threshold);
        expect(new Set(keys.map(({ keyval }) => keyval.public)).size).toBe(keys.length);
      }
      await renew(place);
    }),
    { numRuns: 25 },
  );
});

async function carry(place: Place, each: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<unknown> {
  if (each.do === "rotate") return await rotate(place, each.key, { signs: () => true });
  if (each.do === "revoke") return await revoke(place, each.key);
  const files = each.keys.map((name) => makeKey(name, { keys: place.directory }));
  const publicKeys = (await Promise.all(files)).map(({ json }) => (json as { publicKey: string }).publicKey);
  return await setKeys(place, each.role, { files: publicKeys, threshold: each.threshold });
}

/** What is refused is refused in words, and leaves everything as it was. */
async function attempt(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isSutureError(error)) throw error;
  }
}

/** Also those that were put away as `.old`: they are there, if not where a ceremony looks. */
async function everyKey(directory: string) {
  const old = (await readdir(directory)).filter((name) => name.endsWith(".old.pem"));
  const copies = await mkdtemp(join(home, "old-"));
  for (const name of old) await copyFile(join(directory, name), join(copies, name.replace(".old.pem", "-old.pem")));
  return [...(await heldKeys(directory)), ...(await heldKeys(copies))];
}
