import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { SutureError } from "../../protocol/errors.ts";
import { VendorCreated } from "../../protocol/wire/vendor.ts";
import { vendorPen } from "../support/vendor-metadata.ts";
import { type SimService, server } from "./service.ts";

const vendor = "acme";
export const stream = `${vendor}/echod/edge`;
export const buildId = "ab".repeat(20);

/** Makes a vendor through the API; what it gives back publishes that vendor's patches, one version after the other. */
export async function simPublisher(service: () => SimService) {
  async function send(method: string, path: string, token: string, body: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = new Request(`${server}${path}`, { method, headers, body: JSON.stringify(body) });
    const response = await service().fetch(request);
    if (!response.ok) throw new SutureError("internal", `${method} ${path}: ${await response.text()}`);
    return await response.json();
  }
  const created = VendorCreated.parse(await send("POST", "/v1/vendors", service().operator, { vendor, title: "Acme" }));
  const pen = vendorPen(created.onlineKeys);
  const put = (role: string, text: string, files: Record<string, string> = {}) =>
    send("PUT", `/v1/vendors/${vendor}/metadata/${role}`, created.token, { text, files });
  await put("root", await pen.root());
  await put("targets", await pen.targets());
  const files: Record<string, string> = {};
  let version = 0;

  return {
    /** Publishes a patch for the simulation's build; answers its id. */
    async publish(patch: string): Promise<string> {
      const payload = Buffer.from(`the payload of ${patch}`);
      const bundle = zstdCompressSync(payload);
      const digest = (bytes: Uint8Array) => ({
        sha256: createHash("sha256").update(bytes).digest("hex"),
        size: bytes.length,
      });
      await service().blobs.put(`bundles/${digest(bundle).sha256}`, bundle);
      files[`echod/edge/${patch}@1.json`] = JSON.stringify({
        manifest: 1,
        product: "echod",
        channel: "edge",
        patch,
        version: 1,
        title: patch,
        severity: "high",
        health: { windowSeconds: 30, checks: [{ kind: "tcp", port: 7 }] },
        variants: [
          {
            engine: "elf",
            functions: [{ name: "f", replacement: "g" }],
            match: { buildId, arch: "x86_64" },
            bundle: { ...digest(bundle), encoding: "zstd", payload: digest(payload) },
          },
        ],
      });
      await put("echod.edge", await pen.role(++version, files), files);
      return `${stream}/${patch}@1`;
    },
  };
}
