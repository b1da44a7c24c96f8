import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "../../agent/engines/delegated/client.ts";
import type { Commands } from "../../agent/engines/delegated/commands.ts";
import { createDelegatedEngine, type OrderedPatch } from "../../agent/engines/delegated/engine.ts";
import { reaches } from "../../protocol/level.ts";
import { commandsOf } from "../support/clients/in-process.ts";
import type { StandIn } from "../support/clients/stand-in.ts";
import { fakeClock } from "../support/klp/fake-kernel.ts";
import { dieAtIn, type EngineHarness } from "./engine.ts";

/** The engine of another's client, on a stand-in of it. */
export function delegatedHarness<S extends { trouble: string }>(options: {
  client: (commands: Commands) => Client;
  standIn: StandIn<S>;
  kernel: string;
  patch: OrderedPatch;
  forAnother: OrderedPatch;
  /** the trouble that keeps the client from its work for a while */
  busy: S["trouble"];
  level: (state: S) => string;
}): () => Promise<EngineHarness> {
  const { client, standIn, kernel, patch, forAnother, busy, level } = options;
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "suture-client-"));
    const clock = fakeClock();
    const state = structuredClone(standIn.initial);
    const commands = commandsOf(standIn, state);
    const host = { arch: "x86_64", kernel };
    const engine = (onStep = () => {}) =>
      createDelegatedEngine({ client: client(commands), host, clock, directory, onStep });
    const byHand = client(commands).takeBack === undefined;
    return {
      engine: () => engine(),
      patch,
      forAnother,
      damaged: { ...patch, payload: patch.payload.subarray(0, patch.payload.length / 2) },
      isPatched: async () => reaches(patch.variant.engine, level(state), patch.variant.level),
      fingerprint: () => Buffer.from(JSON.stringify({ ...state, trouble: "" })),
      async occupy() {
        state.trouble = busy;
        return async () => {
          state.trouble = "";
        };
      },
      dieAt: dieAtIn(patch, engine),
      ...(byHand && { takeOutByHand: async () => void Object.assign(state, structuredClone(standIn.initial)) }),
      stop: async () => rmSync(directory, { recursive: true }),
    };
  };
}
