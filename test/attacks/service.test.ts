import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import type { Code } from "../../protocol/errors.ts";
import { memorySigner, vendorPen } from "../support/vendor-metadata.ts";
import { startVendorService, type VendorService } from "../support/vendor-service.ts";
import { codeOf } from "./attack.ts";

let service: VendorService;
beforeAll(async () => {
  service = await startVendorService();
});
afterAll(() => service.stop());

/** A vendor whose root and targets are accepted, and a thief's hand in its place: `put` answers the refusal's code. */
async function foundedVendor(vendor: string) {
  const send = async (method: string, path: string, token: string, json: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await service.api.request(path, { method, headers, body: JSON.stringify(json) });
    return JSON.parse(await response.text());
  };
  const { onlineKeys, token } = await send("POST", "/v1/vendors", service.operator, { vendor, title: vendor });
  const pen = vendorPen(onlineKeys);
  const put = async (role: string, text: string, as: string = token): Promise<Code | undefined> =>
    (await send("PUT", `/v1/vendors/${vendor}/metadata/${role}`, as, { text })).code;
  expect([await put("root", await pen.root()), await put("targets", await pen.targets())]).toEqual([
    undefined,
    undefined,
  ]);
  return { pen, put, token, onlineKeys };
}

const attack = (name: string, stoppedBy: string, code: Code, play: (id: string) => Promise<Code | undefined>) =>
  it(name, async ({ task }) => {
    const met = await play(`v-${task.id.replace(/[^a-z0-9]/g, "").slice(-20)}`);
    task.meta.attack = { attack: name, stoppedBy, code: met ?? "", named: "it never reached a machine" };
    expect(met).toBe(code);
  });

describe("on the service", () => {
  attack("a stolen publishing key", "the publisher's sign-in", "unauthorized", async (id) => {
    const { pen, put } = await foundedVendor(id);
    return await put("echod.edge", await pen.role(1, {}), `suture-api.${"A".repeat(43)}`);
  });

  attack(
    "a stolen publishing key, with another vendor's sign-in",
    "the tenant of the sign-in",
    "not-found",
    async (id) => {
      const { pen, put } = await foundedVendor(id);
      const { token } = await foundedVendor(`${id}-x`);
      return await put("echod.edge", await pen.role(1, {}), token);
    },
  );

  attack("a stolen sign-in of a publisher", "the publishing key", "bad-signature", async (id) => {
    const { pen, put } = await foundedVendor(id);
    return await put("echod.edge", await pen.role(1, {}, { signer: memorySigner() }));
  });

  attack("a stolen sign-in, to put another root there", "the present root's keys", "bad-signature", async (id) => {
    const { put, onlineKeys } = await foundedVendor(id);
    return await put("root", await vendorPen(onlineKeys).root(2));
  });

  attack(
    "a vendor whose root takes the service's consent away",
    "the service's own online keys",
    "invalid-metadata",
    async (id) => {
      const { put } = await foundedVendor(id);
      const own = { snapshot: memorySigner().key, timestamp: memorySigner().key };
      return await put("root", await vendorPen(own).root(2));
    },
  );

  attack(
    "a vendor's wrapped keys, in the place of another vendor's",
    "the vendor and the role under the wrapping",
    "forbidden",
    async (id) => {
      const keys = localKeyWrapper(randomBytes(32));
      const { wrapped } = await keys.generate({ vendor: id, role: "timestamp" });
      await expect(keys.unwrap(wrapped, { vendor: id, role: "snapshot" })).rejects.toMatchObject({ code: "forbidden" });
      return await codeOf(keys.unwrap(wrapped, { vendor: `${id}-x`, role: "timestamp" }));
    },
  );

  attack(
    "a vendor's wrapped keys out of a stolen database",
    "the wrapping key, which is in no database",
    "forbidden",
    async (id) => {
      const { wrapped } = await localKeyWrapper(randomBytes(32)).generate({ vendor: id, role: "timestamp" });
      return await codeOf(localKeyWrapper(randomBytes(32)).unwrap(wrapped, { vendor: id, role: "timestamp" }));
    },
  );

  attack("an old role sent again", "the role's version", "conflict", async (id) => {
    const { pen, put } = await foundedVendor(id);
    const first = await pen.role(1, {});
    expect([await put("echod.edge", first), await put("echod.edge", await pen.role(2, {}))]).toEqual([
      undefined,
      undefined,
    ]);
    return await put("echod.edge", first);
  });

  attack("a role with another channel's file", "the path of the delegation", "invalid-metadata", async (id) => {
    const { pen, put } = await foundedVendor(id);
    return await put("echod.edge", await pen.role(1, { "echod/stable/fix@1.json": "{}" }));
  });
});
