import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { describe, expect } from "vitest";
import { settle } from "../../agent/patches/settle.ts";
import { nodeHttp } from "../../agent/system/http.ts";
import type { Code } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { buildId } from "../support/agent/host.ts";
import { attack, codeOf, type Scene } from "./attack.ts";

describe("bundles", () => {
  attack("a bundle with one bit changed", "its SHA-256 in the manifest", "bundle-mismatch", async (scene) => {
    await scene.order("fix");
    for (const bytes of scene.service.bundles.values()) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return await scene.refusal();
  });

  attack("a bundle that goes on and on", "its size in the manifest", "bundle-mismatch", async (scene) => {
    await scene.order("fix");
    for (const key of scene.service.bundles.keys()) scene.service.bundles.set(key, Buffer.alloc(1_000_000));
    return await scene.refusal();
  });

  attack(
    "a bundle that unpacks to 64 MB, signed by its vendor",
    "the payload's size",
    "bundle-mismatch",
    async (scene) => {
      const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
      const { sha256, length: size } = digestOf(bomb);
      scene.service.bundles.set(sha256, bomb);
      await scene.order("fix", {
        variants: [
          {
            engine: "elf",
            match: { buildId, arch: "x86_64" },
            functions: [{ name: "f", replacement: "g" }],
            bundle: { sha256, size, encoding: "zstd", payload: { sha256, size: 4096 } },
          },
        ],
      });
      return await scene.refusal();
    },
  );

  attack(
    "a payload changed on the host's disk",
    "its SHA-256, checked at each use",
    "engine-failed",
    changed,
    "who writes there is root on the host",
  );

  async function changed(scene: Scene) {
    const apply = await scene.order("fix");
    await scene.round();
    const { agent, engine, events, state } = scene.host;
    const sha256 = agent.patches.get(apply.patch)?.verified?.variants[0]?.bundle.payload.sha256 ?? "";
    writeFileSync(join(state, "payloads", sha256), "something else");
    engine.write({ processes: { [buildId]: [{ pid: 9, patches: [] }] }, staged: [] });
    await settle(agent);
    expect(engine.pidsWith(apply.patch)).toEqual([]);
    const last = events.at(-1);
    return last?.event === "incomplete" ? (last.code as Code) : "internal";
  }

  attack("a recall whose name no patch can have", "names that are read one by one", "recalled", async (scene) => {
    const apply = await scene.order("fix");
    await scene.service.recallAsOperator("../../etc/passwd");
    await scene.service.recallAsOperator(apply.patch);
    const code = await scene.refusal();
    await scene.reopen();
    expect([...scene.host.agent.patches.recalled()]).toEqual([apply.patch]);
    return code;
  });

  for (const id of [
    "acme/../stable/fix@1",
    "acme/echod/stable/../../fix@1",
    "acme/echod/stable/fix@01",
    "acme//stable/fix@1",
  ]) {
    attack(`a plan for ${id}`, "the form of a patch's name", "plan-invalid", async (scene) => {
      const apply = await scene.order("fix");
      scene.service.actions = [{ ...apply, patch: id }];
      return await scene.refusal();
    });
  }
});

describe("slow retrieval", () => {
  attack(
    "a byte every now and then, for ever",
    "a time for the whole answer",
    "unreachable",
    dripping,
    "the service sees a silent machine",
  );

  async function dripping() {
    const server = createServer((_request, response) => {
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    try {
      const url = `http://127.0.0.1:${port}/timestamp.json`;
      return await codeOf(nodeHttp({ method: "GET", url, maxBytes: 1_000_000, timeout: 300 }));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
});
