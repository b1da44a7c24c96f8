import { createHash } from "node:crypto";
import { scopeOf } from "../../functions/domain/ticket.ts";
import type { TableChange } from "../../functions/stores/streams.ts";
import type { Stores } from "../../infra/local/stores.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { buildId } from "./host.ts";

/** The channel that the machine's customer subscribes to. */
export const stream = "acme/echod/stable";

/** Makes the vendor's next patch live, as the publish job does. @returns its manifest, and its row as the stream tells of it */
export async function publishPatch(stores: Stores, number: number, now: number) {
  const manifest = Manifest.parse({
    manifest: 1,
    product: "echod",
    channel: "stable",
    patch: `fix-${number}`,
    version: 1,
    title: `Fix ${number}`,
    severity: "high",
    variants: [
      {
        engine: "elf",
        match: { buildId, arch: "x86_64" },
        functions: [{ name: "f", replacement: "g" }],
        bundle: { ...digest, encoding: "zstd", payload: digest },
      },
    ],
  });
  const patch = `fix-${number}@1`;
  await stores.patches.put({
    id: `${stream}/${patch}`,
    manifest,
    manifestSha256: digest.sha256,
    manifestLength: 1000,
    state: "live",
    liveAt: now,
  });
  await stores.changes.advance([scopeOf.stream(stream)], now);
  const row: TableChange = {
    id: patch,
    at: now,
    table: "patches",
    keys: { stream, patch },
    newImage: { state: "live" },
  };
  return { manifest, row };
}

const digest = { sha256: createHash("sha256").update("bundle").digest("hex"), size: 20_000 };
