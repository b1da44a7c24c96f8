import { SutureError } from "../../protocol/errors.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Leaves room in an item of 400 KB for its other attributes. */
const maxManifestBytes = 350 * 1024;

/** A patch that is or was live. */
export type PatchRecord = {
  /** `vendor/product/channel/patch@version` */
  id: string;
  manifest: Manifest;
  /** of the manifest's exact bytes, as the vendor's role names them */
  manifestSha256: string;
  manifestLength: number;
  state: "live" | "superseded" | "withdrawn";
  /** milliseconds since the epoch, as `withdrawnAt` */
  liveAt: number;
  withdrawnAt?: number;
  reason?: string;
};
/** The manifest is one text attribute: half the size, and quick to carry. */
type Row = Omit<PatchRecord, "manifest"> & { stream: string; patch: string; vendor: string; manifest: string };

export type PatchesStore = ReturnType<typeof patchesStore>;

/** The patches that the service consented to. Written by the publish job, which may say everything twice. */
export function patchesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.patches);

  async function page(query: Parameters<typeof table.query>[0]): Promise<Page<PatchRecord>> {
    const found = await table.query(query);
    return { ...found, items: found.items.map(toRecord) };
  }

  return {
    /**
     * Records a patch as live or superseded. Said again it changes only that state; a withdrawn patch stays withdrawn and
     * `liveAt` stays the first. Throws `conflict` when the id stands for another manifest; `too-large`.
     */
    async put(patch: PatchRecord & { state: "live" | "superseded" }): Promise<void> {
      const { id, manifestSha256, manifestLength, state, liveAt } = patch;
      const manifest = JSON.stringify(patch.manifest);
      if (Buffer.byteLength(manifest) > maxManifestBytes) {
        throw new SutureError("too-large", `The manifest of ${id} is larger than ${maxManifestBytes} bytes`);
      }
      const vendor = id.slice(0, id.indexOf("/"));
      const written = await table.update(
        keyOf(id),
        "SET #vendor = :vendor, #id = :id, #manifest = :manifest, #manifestSha256 = :manifestSha256, " +
          "#manifestLength = :manifestLength, #state = :state, #liveAt = if_not_exists(#liveAt, :liveAt)",
        {
          condition: "attribute_not_exists(#id) OR (#manifestSha256 = :manifestSha256 AND #state <> :withdrawn)",
          values: { vendor, id, manifest, manifestSha256, manifestLength, state, liveAt, withdrawn: "withdrawn" },
        },
      );
      if (!written.done && written.stored?.manifestSha256 !== manifestSha256) {
        throw new SutureError("conflict", `${id} was published before, with another manifest`);
      }
    },

    /** Marks a patch as withdrawn, for good; the first time and reason stand. Throws `not-found`. */
    async markWithdrawn(id: string, { at, reason }: { at: number; reason: string }): Promise<void> {
      const written = await table.update(
        keyOf(id),
        "SET #state = :withdrawn, #withdrawnAt = if_not_exists(#withdrawnAt, :at), " +
          "#reason = if_not_exists(#reason, :reason)",
        { condition: "attribute_exists(#id)", values: { withdrawn: "withdrawn", at, reason } },
      );
      if (!written.done) throw new SutureError("not-found", `There is no patch ${id}`);
    },

    async get(id: string, options: { consistent?: boolean } = {}): Promise<PatchRecord | undefined> {
      const row = await table.get(keyOf(id), options);
      return row && toRecord(row);
    },

    /** The patches of `vendor/product/channel`, in whatever state. `consistent` for the plan's inputs. */
    listByStream(stream: string, request: PageRequest & { consistent?: boolean } = {}): Promise<Page<PatchRecord>> {
      return page({ ...request, partition: stream });
    },

    listByVendor(vendor: string, request: PageRequest = {}): Promise<Page<PatchRecord>> {
      return page({ ...request, index: "byVendor", partition: vendor });
    },
  };
}

function keyOf(id: string): { stream: string; patch: string } {
  const slash = id.lastIndexOf("/");
  return { stream: id.slice(0, slash), patch: id.slice(slash + 1) };
}

function toRecord({ stream: _stream, patch: _patch, vendor: _vendor, manifest, ...rest }: Row): PatchRecord {
  return { ...rest, manifest: JSON.parse(manifest) };
}
