import { cpSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { configWith } from "../../../agent/config/config.ts";
import type { joinFleet } from "../../../agent/enrolment/join.ts";
import { rekey } from "../../../agent/enrolment/rekey.ts";
import { newHost, type TestHost } from "./host.ts";
import type { TestService } from "./service.ts";

type Scene = { directory: string; service: TestService; host: TestHost };

/** Enrols a folder beside a test host as the machine that it becomes. */
export function enrolBeside({ directory, service, host }: Scene): typeof joinFleet {
  return async ({ state }) => {
    const aside = mkdtempSync(join(directory, "aside-"));
    const made = await newHost(service, { directory: aside, clock: host.clock });
    cpSync(made.state, state, { recursive: true });
    return made.agent.enrolment;
  };
}

/** Gives a test host a new key. */
export async function rekeyHost(scene: Scene) {
  const { host, service } = scene;
  const image = { server: "https://suture.test", token: service.token, ephemeral: false };
  return await rekey(host.agent, configWith({ state: host.state }), image, enrolBeside(scene));
}

/** The test's service knows no retiring: this answers in its stead. */
export function retires({ host }: Pick<Scene, "host">): TestService["intercept"] {
  return ({ url }) => {
    if (!url.endsWith("/retire")) return undefined;
    const answer = {
      machine: host.agent.enrolment.machine,
      retiredAt: new Date(host.clock.millis).toISOString(),
    };
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) };
  };
}
