import { describe, expect } from "vitest";
import { runRound } from "../../agent/round/round.ts";
import { required } from "../../agent/state/json-file.ts";
import type { HttpResponse } from "../../agent/system/http.ts";
import type { Code } from "../../protocol/errors.ts";
import { buildId } from "../support/agent/host.ts";
import { problem } from "../support/agent/service.ts";
import { attack, type Scene } from "./attack.ts";
import { bend } from "./bend.ts";

const day = 86_400_000;
const address = "https://mirror.test";

/** A mirror with what the service shows now, which the agent reads once the service is gone. */
async function mirrored(scene: Scene): Promise<Map<string, Uint8Array>> {
  const mirror = new Map(scene.service.files);
  await scene.reopen({ mirror: address });
  return mirror;
}

/** A round without the service: the code of what is wrong with the mirror. Nothing on the host may change. */
async function roundWith(mirror: Map<string, Uint8Array>, { host, service }: Scene): Promise<Code> {
  service.intercept = ({ url }) => {
    const name = url.startsWith(`${address}/tuf/`) ? url.slice(`${address}/tuf/`.length) : undefined;
    return name === undefined ? problem("unavailable") : found(mirror.get(name));
  };
  const before = host.engine.read();
  await expect(runRound(host.agent, { force: true })).rejects.toMatchObject({ code: "unavailable" });
  expect(host.engine.read()).toEqual(before);
  const { mirrorTrouble } = required(host.agent.session, "session.json");
  if (mirrorTrouble === null) throw new Error("Nothing stopped it");
  expect(host.events).toContainEqual(expect.objectContaining({ event: "trouble", code: mirrorTrouble.code }));
  return mirrorTrouble.code as Code;
}

function found(body: Uint8Array | undefined): HttpResponse {
  return body === undefined ? { status: 404, headers: {}, body: Buffer.alloc(0) } : { status: 200, headers: {}, body };
}

describe("a mirror", () => {
  attack("left alone for four days", "its expiry: it is stale, no attack", "mirror-stale", async (scene) => {
    await scene.order("fix");
    await scene.round();
    const mirror = await mirrored(scene);
    scene.host.clock.millis += 4 * day;
    const code = await roundWith(mirror, scene);
    // Once it is brought up to date all is well again
    await scene.service.republish([]);
    await scene.service.republishOwn();
    await expect(roundWith(new Map(scene.service.files), scene)).rejects.toThrow("Nothing stopped it");
    return code;
  });

  attack(
    "left alone, and the agent saw newer since",
    "its expiry: it is stale, no attack",
    "mirror-stale",
    async (scene) => {
      await scene.order("earlier");
      const mirror = await mirrored(scene);
      await scene.order("fix");
      await scene.service.republishOwn();
      await scene.round();
      scene.host.clock.millis += 4 * day;
      return await roundWith(mirror, scene);
    },
  );

  attack("that shows an older state that is still valid", "the kept timestamp", "rollback-detected", async (scene) => {
    await scene.order("earlier");
    const mirror = await mirrored(scene);
    await scene.order("fix");
    await scene.service.republishOwn();
    await scene.round();
    return await roundWith(mirror, scene);
  });

  attack("whose keeper signs by himself", "the repository's own keys", "untrusted-metadata", async (scene) => {
    await scene.service.publish("fix", buildId);
    const mirror = await mirrored(scene);
    await bend(
      mirror,
      "service/timestamp.json",
      (signed) => {
        signed.version += 1;
      },
      [scene.service.acme.signers.timestamp],
    );
    return await roundWith(mirror, scene);
  });
});
