import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { runRound } from "../../agent/round/round.ts";
import { updatesOf } from "../../agent/update/updates.ts";
import type { Code } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { type AgentArch, type AgentRelease, agentTarballPath } from "../../protocol/wire/agent-release.ts";
import { newSigner } from "../support/agent/tuf.ts";
import { attack, type Scene } from "./attack.ts";
import { consent, putSigned, readSigned } from "./bend.ts";

const at = "2026-11-25T12:00:00.000Z";
const release = (version: string, arches: AgentArch[] = ["x86_64"]): AgentRelease => ({
  version,
  releasedAt: at,
  arches,
  opens: { canary: at, early: at, all: at },
});

/** A round whose plan orders this release of the agent: the code of why it is not taken. No release may be on the disk after it. */
async function ordered(version: string, scene: Scene): Promise<Code> {
  const root = join(scene.directory, "releases-of-agent");
  const running = { version: "0.5.0", folder: join(scene.directory, "package") };
  await scene.reopen({ updates: updatesOf(root, running) });
  scene.service.bendPlan = (plan) => ({ ...plan, agentRelease: version });
  const { agent, events } = scene.host;
  await runRound(agent, { force: true });
  const failure = events.find(({ event }) => event === "agent-update-failed");
  if (failure?.event !== "agent-update-failed") throw new Error("Nothing stopped it");
  expect(readdirSync(scene.directory)).not.toContain("releases-of-agent");
  return failure.code as Code;
}

const tarball = (version: string, arch: AgentArch) => ({ [agentTarballPath(version, arch)]: `release ${version}` });

describe("a release of the agent", () => {
  attack(
    "an older release of the agent, signed in its day",
    "the version that runs",
    "rollback-detected",
    async (scene) => {
      await scene.service.release([release("0.4.0"), release("0.5.0")], tarball("0.4.0", "x86_64"));
      return await ordered("0.4.0", scene);
    },
  );

  attack(
    "a release of the agent for another architecture",
    "the signed list of releases",
    "not-applicable",
    async (scene) => {
      await scene.service.release([release("0.6.0", ["aarch64"])], tarball("0.6.0", "aarch64"));
      return await ordered("0.6.0", scene);
    },
  );

  attack(
    "a release of the agent that nobody signed, by a stolen plan key",
    "the role `agent`",
    "untrusted-metadata",
    async (scene) => {
      await scene.service.release([release("0.5.0")], tarball("0.5.0", "x86_64"));
      return await ordered("6.6.6", scene);
    },
  );

  attack("a release of the agent that operators withdrew", "the signed list of releases", "recalled", async (scene) => {
    await scene.service.release([{ ...release("0.6.0"), withdrawn: "it leaks" }], tarball("0.6.0", "x86_64"));
    return await ordered("0.6.0", scene);
  });

  attack(
    "a release of the agent with other bytes, at rest or in flight",
    "its digest in the role `agent`",
    "untrusted-metadata",
    async (scene) => {
      const path = agentTarballPath("0.6.0", "x86_64");
      const text = "release 0.6.0";
      await scene.service.release([release("0.6.0")], { [path]: text });
      const name = `service/${targetFileName(path, digestOf(Buffer.from(text)).sha256)}`;
      scene.service.files.set(name, Buffer.from("RELEASE 0.6.0"));
      return await ordered("0.6.0", scene);
    },
  );

  attack(
    "a release of the agent by a stranger's key, with stolen online keys",
    "the keys of the role `agent`",
    "untrusted-metadata",
    async (scene) => {
      await scene.service.release([release("0.6.0")], tarball("0.6.0", "x86_64"));
      const { files } = scene.service;
      const name = [...files.keys()].findLast((each) => each.endsWith(".agent.json")) ?? "";
      const signed = readSigned(files, name);
      const version = signed.version + 1;
      await putSigned(files, `service/${version}.agent.json`, { ...signed, version }, [newSigner()]);
      await consent(files, "service", scene.service.own, { agent: version });
      return await ordered("0.6.0", scene);
    },
  );
});
