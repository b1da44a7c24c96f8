import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import type { Config } from "../../agent/config/config.ts";
import { runRound } from "../../agent/round/round.ts";
import { type Code, SutureError } from "../../protocol/errors.ts";
import { buildId, newHost, openHost, type TestHost } from "../support/agent/host.ts";
import { type TestService, testService } from "../support/agent/service.ts";

declare module "vitest" {
  interface TaskMeta {
    attack?: Attack;
  }
}

/** What an attack meets: a refusal, a limit of the host's own, or an agent that says it has heard nothing new for too long. */
type Met = Code | "stale" | "limited";
/** A line of the table: what was tried, what stopped it, by which code, and whether the machine's report names it, or why it does not. */
type Attack = { attack: string; stoppedBy: string; code: string; named: string };

/** A service in memory and one enrolled host, whose real agent meets whatever the test makes of the service. */
export type Scene = {
  service: TestService;
  host: TestHost;
  directory: string;
  /** Publishes a patch for this host, and has the next plans order it. */
  order: (patch: string, options?: Parameters<TestService["publish"]>[2]) => ReturnType<TestService["publish"]>;
  /** One round in peace: whatever is not refused is done. */
  round: () => Promise<void>;
  /** One round under attack. The host's targets must come out of it as they went in. @returns the code of the refusal, or `limited` */
  refusal: () => Promise<Code | "limited">;
  reopen: (changes?: Partial<Pick<Config, "mirror" | "vendors"> & Pick<Agent, "updates">>) => Promise<void>;
};

/**
 * Defines an attack as a test. `play` bends the scene and returns the code that it met; the attack is stopped where that is `code`. The
 * machine's report must name it, once one gets through.
 * @param unnamed why no report can
 */
export function attack(
  name: string,
  stoppedBy: string,
  code: Met,
  play: (scene: Scene) => Promise<Met>,
  unnamed?: string,
): void {
  it(name, async ({ task }) => {
    const directory = mkdtempSync(join(tmpdir(), "suture-attack-"));
    try {
      const scene = await openScene(directory);
      const met = await play(scene);
      const told = await isTold(scene, met);
      task.meta.attack = { attack: name, stoppedBy, code: met, named: told ? "yes" : (unnamed ?? "NO") };
      expect(met).toBe(code);
      expect(told, "the report names it").toBe(unnamed === undefined);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** Whether the service hears of it: in a receipt, or in the first check-in that gets through. */
async function isTold({ service, host }: Scene, met: Met): Promise<boolean> {
  service.intercept = () => undefined;
  await runRound(host.agent, { force: true }).catch(() => undefined);
  const { refusals: refused = [], limited = [] } = service.checkIns.at(-1)?.facts ?? {};
  if (met === "limited") return limited.length > 0;
  return refused.some(({ code }) => code === met) || service.receipts.some(({ evidence }) => evidence.refused === met);
}

/** The code of what `work` throws. */
export async function codeOf(work: Promise<unknown>): Promise<Code> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SutureError) return error.code;
    throw error;
  }
  throw new Error("Nothing stopped it");
}

async function openScene(directory: string): Promise<Scene> {
  const clock = { millis: Date.parse("2026-11-25T12:00:00Z") };
  const service = await testService(() => clock.millis);
  const scene: Scene = {
    service,
    host: await newHost(service, { directory, clock }),
    directory,
    async order(patch, options) {
      const apply = await service.publish(patch, buildId, options);
      service.actions = [apply];
      return apply;
    },
    async round() {
      await runRound(scene.host.agent, { force: true });
    },
    async refusal() {
      const { agent, engine, events } = scene.host;
      const before = engine.read();
      const from = events.length;
      let thrown: unknown;
      await runRound(agent, { force: true }).catch((error: unknown) => {
        thrown = error;
      });
      expect(engine.read()).toEqual(before);
      if (thrown instanceof SutureError) return thrown.code;
      if (thrown !== undefined) throw thrown;
      const refused = events.slice(from).find(({ event }) => event === "refused" || event === "limited");
      if (refused?.event === "limited") return "limited";
      if (refused?.event !== "refused") throw new Error("Nothing stopped it");
      return refused.code as Code;
    },
    async reopen(config = {}) {
      scene.host = await openHost({ directory, clock: scene.host.clock, http: service.http, ...config });
    },
  };
  return scene;
}
