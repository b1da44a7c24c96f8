import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { publishUpload } from "../../functions/portal/published/upload.ts";
import { serviceAs } from "../../functions/portal/service.ts";
import { startSuture } from "../support/suture.ts";

const cli = await startSuture();
afterAll(() => cli.stop());

function portalOf(vendor: string) {
  const principal = { kind: "vendor", tenant: vendor, role: "publisher" } as const;
  const signIn = { principal, token: "0".repeat(64), label: "ann@acme.example", expiresAt: 0 };
  return { service: serviceAs(cli.service.api, signIn), blobs: cli.service.blobs };
}

/** A patch that `suture publish --out` signed, as files. */
async function signed() {
  const { vendor, publish } = await cli.newVendor();
  const { folder } = await cli.patchFolder();
  const out = join(folder, "update");
  expect(await publish(folder, "--out", out)).toMatchObject({ code: 0, answer: { published: false, bundles: 1 } });
  const update = await readFile(join(out, "update.json"), "utf8");
  const names = await readdir(join(out, "bundles"));
  const bundles = await Promise.all(names.map((name) => readFile(join(out, "bundles", name))));
  return { vendor, folder, publish, out, update, bundles };
}

it("what a vendor signed on a machine of its own goes live by an upload, with the checks of the command", async () => {
  const { vendor, folder, publish, update, bundles } = await signed();
  const id = `${vendor}/echod/edge/bounds-check@1`;
  expect(await cli.service.stores.patches.get(id)).toBeUndefined();

  const without = publishUpload(vendor, { update, bundles: [] }, portalOf(vendor));
  await expect(without).rejects.toMatchObject({ code: "missing-blob" });
  const accepted = await publishUpload(vendor, { update, bundles }, portalOf(vendor));
  expect(accepted).toMatchObject({ role: "echod.edge", version: 1, stored: 1 });
  expect(await publishUpload(vendor, { update, bundles }, portalOf(vendor))).toMatchObject({ version: 1, stored: 0 });
  expect(await cli.service.stores.patches.get(id)).toMatchObject({ state: "live" });
  expect(await publish(folder)).toMatchObject({ code: 0, answer: { published: false } });
});

it("an upload that was changed, is another vendor's or is no update is refused", async () => {
  const { vendor, update, bundles } = await signed();
  const said = JSON.parse(update);
  const changed = JSON.stringify({ ...said, text: said.text.replace("2027", "2026") });
  const rejected = (text: string, who = vendor) => expect(publishUpload(who, { update: text, bundles }, portalOf(who)));
  await rejected(changed).rejects.toMatchObject({ code: expect.stringMatching(/bad-signature|invalid-metadata/) });
  await rejected(update, "rival").rejects.toMatchObject({ code: "invalid-request" });
  await rejected("{").rejects.toMatchObject({ code: "invalid-request" });
});
