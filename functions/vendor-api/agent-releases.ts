import { isDeepStrictEqual } from "node:util";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import type { FileDigest } from "../../protocol/trust/edit.ts";
import {
  type AgentRelease,
  AgentReleases,
  agentReleasesPath,
  agentTarballPath,
  ReleaseUpload,
} from "../../protocol/wire/agent-release.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { UploadsAnswer } from "../../protocol/wire/vendor.ts";
import { serviceRepository } from "../jobs/service-repository.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { targetKey } from "./role-files.ts";

const urlSeconds = 3600;

export const uploads = createRoute({
  method: "post",
  path: "/v1/service/uploads",
  tags: ["service"],
  summary: "Ask where a tarball of an agent release is to be uploaded",
  description: "Agents take it only once the role `agent`, which operators sign offline, names it.",
  request: jsonBody(ReleaseUpload, { version: "0.2.0", arch: "x86_64", sha256: "ab".repeat(32), size: 40_000_000 }),
  responses: { 200: answer(UploadsAnswer, "There already, or where it goes", examples.uploads), ...failure },
});

export function agentReleaseRoutes(app: OpenAPIHono, { blobs }: VendorApiDeps): void {
  app.openapi(uploads, async (c) => {
    const { version, arch, sha256, size } = c.req.valid("json");
    const key = targetKey(serviceRepository, agentTarballPath(version, arch), sha256);
    if ((await blobs.stat(key)) !== undefined) return c.json({ uploads: [{ sha256, present: true as const }] }, 200);
    const upload = await blobs.presignPut(key, { sha256, size, expiresInSeconds: urlSeconds });
    return c.json({ uploads: [{ sha256, present: false as const, ...upload }] }, 200);
  });
}

type Files = ReadonlyMap<string, FileDigest>;

/**
 * Checks what the role `agent` names: the list of releases, which only grows, and each release's tarballs, which are there. A slip of
 * the hand must not send agents for what they cannot get, nor change what was released.
 * @param text the list, where it is new
 * @throws SutureError `invalid-metadata`; `missing-blob` with data `{ sha256 }`
 */
export async function requireReleases(
  { named, before, text }: { named: Files; before: Files; text: string | undefined },
  blobs: Blobs,
): Promise<void> {
  const old = await readBefore(before, blobs);
  if (!named.has(agentReleasesPath))
    throw new SutureError("invalid-metadata", `The role does not name ${agentReleasesPath}`);
  const releases =
    text === undefined ? old : parseJson(AgentReleases, text, agentReleasesPath, "invalid-metadata").releases;
  requireGrowth(old, releases);
  const tarballs = new Set(
    releases.flatMap(({ version, arches }) => arches.map((arch) => agentTarballPath(version, arch))),
  );
  const stray = [...named.keys()].find((path) => path !== agentReleasesPath && !tarballs.has(path));
  if (stray !== undefined) throw new SutureError("invalid-metadata", `${stray} belongs to no release that is listed`);
  for (const path of tarballs) {
    const digest = named.get(path);
    if (digest === undefined) throw new SutureError("invalid-metadata", `${path} of a listed release is not named`);
    const was = before.get(path);
    if (was?.sha256 === digest.sha256) continue;
    if (was !== undefined)
      throw new SutureError("invalid-metadata", `${path} was released otherwise: raise the version`);
    const stored = await blobs.stat(targetKey(serviceRepository, path, digest.sha256));
    if (stored?.size !== digest.length)
      throw new SutureError("missing-blob", `${path} was not uploaded`, { data: { sha256: digest.sha256 } });
  }
}

async function readBefore(before: Files, blobs: Blobs): Promise<AgentRelease[]> {
  const digest = before.get(agentReleasesPath);
  if (digest === undefined) return [];
  const stored = await blobs.get(targetKey(serviceRepository, agentReleasesPath, digest.sha256));
  if (stored === undefined) throw new SutureError("internal", `${agentReleasesPath} is lost`);
  return parseJson(AgentReleases, Buffer.from(stored.bytes).toString("utf8"), agentReleasesPath, "internal").releases;
}

/** A release stands for ever as it was; only that it is withdrawn may be added. */
function requireGrowth(old: readonly AgentRelease[], releases: readonly AgentRelease[]): void {
  for (const [at, was] of old.entries()) {
    const is = releases[at];
    const { withdrawn, ...rest } = is ?? {};
    const same = was.withdrawn === undefined ? rest : { ...rest, withdrawn };
    if (!isDeepStrictEqual(same, was))
      throw new SutureError("invalid-metadata", `Release ${was.version} was changed or left out: releases only grow`);
  }
  if (new Set(releases.map(({ version }) => version)).size !== releases.length)
    throw new SutureError("invalid-metadata", "A version is listed twice");
}
