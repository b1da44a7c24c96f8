import { createPublicKey } from "node:crypto";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Metadata, Targets } from "@tufjs/models";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { delegationsOf } from "../../protocol/trust/edit.ts";
import { type VerifiedProvenance, verifyPublication } from "../../protocol/trust/publication.ts";
import { Channel, Name } from "../../protocol/wire/names.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { Publication, PublicationView } from "../../protocol/wire/publication.ts";
import { PatchName, type RoleUpdate } from "../../protocol/wire/vendor.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure } from "./openapi.ts";

/** A publication as it is kept: what travelled, what of it was verified when it was taken, and by whose keys. */
const Kept = z.object({
  ...Publication.shape,
  at: z.string(),
  keys: z.array(z.string()),
  threshold: z.number().int(),
  verified: z.array(
    z.object({ key: z.string(), builder: z.string(), buildType: z.string(), subjects: z.array(z.string()) }),
  ),
});
type Kept = z.infer<typeof Kept>;

export const get = createRoute({
  method: "get",
  path: "/v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/publication",
  tags: ["vendors"],
  summary: "Read the vendor's signed statement of a patch, and the provenance that goes with it",
  description:
    "In-toto statements in DSSE envelopes. They were verified when they were taken; the keys are there to do it again.",
  request: { params: z.object({ vendor: Name, product: Name, channel: Channel, patch: PatchName }) },
  responses: { 200: answer(PublicationView, "The statement", examples.publication), ...failure },
});

export function publicationRoutes(app: OpenAPIHono, { blobs }: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const { vendor, product, channel, patch } = c.req.valid("param");
    const view = await readPublication(blobs, `${vendor}/${product}/${channel}/${patch}`);
    if (view === undefined)
      throw new SutureError("not-found", `There is no statement of ${product}/${channel}/${patch}`);
    return c.json(view, 200);
  });
}

/** A patch's publication and its provenance, by its id; undefined where the vendor sent none. */
export async function readPublication(blobs: Blobs, id: string): Promise<PublicationView | undefined> {
  const stored = await blobs.get(keyOf(id));
  if (stored === undefined) return undefined;
  const text = Buffer.from(stored.bytes).toString("utf8");
  const { statement, provenance, at, keys, threshold, verified } = parseJson(Kept, text, id, "state-damaged");
  const shown = verified.flatMap((each, number) => {
    const envelope = provenance[number];
    return envelope === undefined ? [] : [{ envelope, ...each }];
  });
  return { statement, at, keys, threshold, provenance: shown };
}

/**
 * Verifies the statements that were sent with a role, each about a manifest that is new.
 * @param texts the new target files, by path
 * @returns what is to be kept, by the patch's id
 * @throws SutureError `invalid-request` for one about nothing new, and what `verifyPublication` throws
 */
export function checkPublications(
  vendor: string,
  role: string,
  {
    texts,
    publications = {},
    targets,
  }: {
    texts: ReadonlyMap<string, string>;
    publications: RoleUpdate["publications"];
    targets: Metadata<Targets>;
  },
): Map<string, Kept> {
  const kept = new Map<string, Kept>();
  const delegation = delegationsOf(targets.signed).find((each) => each.role === role);
  if (delegation === undefined) return kept;
  const { threshold } = delegation;
  const keys = delegation.keys.map(({ keyval }) => keyval.public);
  for (const [path, publication] of Object.entries(publications)) {
    const text = texts.get(path);
    if (text === undefined) throw new SutureError("invalid-request", `The statement of ${path} comes with nothing new`);
    const manifest = parseJson(Manifest, text, path, "invalid-patch");
    const wanted = { keys: keys.map((pem) => createPublicKey(pem)), threshold };
    const verified: { at: string; provenance: VerifiedProvenance[] } = verifyPublication(
      publication,
      { vendor, manifest, text },
      wanted,
    );
    const id = `${vendor}/${path.replace(/\.json$/, "")}`;
    kept.set(id, { ...publication, at: verified.at, keys, threshold, verified: verified.provenance });
  }
  return kept;
}

/** Keeps publications. Until the role that they come with is taken they may be replaced: a patch that is published never changes. */
export async function storePublications(publications: ReadonlyMap<string, Kept>, blobs: Blobs): Promise<void> {
  for (const [id, kept] of publications) await blobs.put(keyOf(id), Buffer.from(JSON.stringify(kept)));
}

function keyOf(id: string): string {
  return `publications/${id}.json`;
}
