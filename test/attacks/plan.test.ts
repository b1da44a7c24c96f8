import { generateKeyPair, SignJWT } from "jose";
import { describe, expect } from "vitest";
import { settle } from "../../agent/patches/settle.ts";
import { runLoop } from "../../agent/round/loop.ts";
import { signStatement } from "../../protocol/trust/request.ts";
import type { PlanAction } from "../../protocol/wire/plan.ts";
import { buildId } from "../support/agent/host.ts";
import { problem } from "../support/agent/service.ts";
import { attack, type Scene } from "./attack.ts";

const hour = 3_600_000;
const newPlanKey = () => generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });

/** Puts another JWS in the place of the plan in every answer to a check-in. */
function answerWith({ service }: Scene, plan: () => Promise<string>) {
  const { http } = service;
  const bent = async (request: Parameters<typeof http>[0]) => {
    const response = await http(request);
    if (!request.url.endsWith("/check-in")) return response;
    const answer = { ...JSON.parse(Buffer.from(response.body).toString("utf8")), plan: await plan() };
    return { ...response, body: Buffer.from(JSON.stringify(answer)) };
  };
  Object.assign(service, { http: bent });
}

describe("plans", () => {
  attack("a plan for another machine", "the addressee in the plan", "wrong-machine", async (scene) => {
    await scene.order("fix");
    scene.service.bendPlan = (plan) => ({ ...plan, machine: `m-${"0".repeat(32)}` });
    return await scene.refusal();
  });

  attack("an earlier plan again", "the counter that a plan answers", "plan-invalid", async (scene) => {
    await scene.round();
    await scene.order("fix");
    scene.service.bendPlan = (plan) => ({ ...plan, seq: plan.seq - 1 });
    return await scene.refusal();
  });

  attack("a plan that has expired", "its `exp`", "plan-invalid", async (scene) => {
    await scene.order("fix");
    scene.service.bendPlan = (plan) => ({ ...plan, exp: plan.iat });
    return await scene.refusal();
  });

  attack("a plan key that nobody announced", "the service's `plan-keys` role", "plan-invalid", async (scene) => {
    await scene.order("fix");
    scene.service.planKey = { kid: "k1", privateKey: (await newPlanKey()).privateKey };
    return await scene.refusal();
  });

  attack("a stolen plan key after its rotation", "the next `plan-keys`, without it", "plan-invalid", async (scene) => {
    await scene.order("fix");
    await scene.service.announcePlanKeys({ k2: (await newPlanKey()).publicKey });
    return await scene.refusal();
  });

  attack(
    "a stolen plan key that orders what no vendor signed",
    "the vendor's role",
    "untrusted-metadata",
    async (scene) => {
      const apply = await scene.order("fix");
      scene.service.actions = [{ ...apply, manifest: "0".repeat(64) }];
      return await scene.refusal();
    },
  );

  attack(
    "a stolen plan key that brings back a recalled patch",
    "the operator's signed recall",
    "recalled",
    async (scene) => {
      const apply = await scene.order("fix");
      await scene.service.recallAsOperator(apply.patch);
      return await scene.refusal();
    },
  );

  attack(
    "a stolen plan key that keeps silent about a recall",
    "recalls that agents read for themselves",
    "recalled",
    async (scene) => {
      const { patch } = await scene.order("fix");
      await scene.round();
      await scene.service.recallAsOperator(patch);
      scene.service.actions = [];
      await scene.round();
      const { agent, engine, events } = scene.host;
      engine.write({ processes: { [buildId]: [{ pid: 9, patches: [] }] }, staged: [] });
      await settle(agent);
      expect(engine.pidsWith(patch)).toEqual([]);
      const said = events.find((event) => event.event === "incomplete" && event.patch === patch);
      if (said?.event !== "incomplete") throw new Error("Nothing stopped it");
      return said.code as "recalled";
    },
    "nothing was refused; the service has the recall",
  );

  attack(
    "a stolen plan key that orders from a vendor in emergency stop",
    "the operator's signed stop",
    "vendor-stopped",
    async (scene) => {
      const { patch } = await scene.order("fix");
      await scene.service.stopVendor("acme", true);
      const code = await scene.refusal();
      // It ends as it began: signed
      await scene.service.stopVendor("acme", false);
      await scene.round();
      expect(scene.host.engine.pidsWith(patch)).toEqual([1, 2]);
      return code;
    },
  );

  attack("undo of everything, as recalled", "the recalls, which name none", "plan-invalid", async (scene) => {
    await undoAll(scene, "recall");
    return await scene.refusal();
  });

  attack("undo of everything, as superseded", "the plan, which replaces none", "plan-invalid", async (scene) => {
    await undoAll(scene, "superseded");
    return await scene.refusal();
  });

  attack("undo of everything, by policy", "the agent's limit of one a day", "limited", async (scene) => {
    await undoAll(scene, "policy");
    // One goes, which is what policies are for; the other stays
    await scene.round();
    return await scene.refusal();
  });
});

describe("key confusion", () => {
  attack("a plan without a signature (alg none)", "the one algorithm", "plan-invalid", async (scene) => {
    await scene.order("fix");
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    answerWith(scene, async () => `${part({ alg: "none", typ: "suture-plan", kid: "k1" })}.${part({})}.`);
    await scene.reopen();
    return await scene.refusal();
  });

  attack("a plan MACed with the public key (HS256)", "the one algorithm", "plan-invalid", async (scene) => {
    await scene.order("fix");
    const keysFile = [...scene.service.files].find(([name]) => name.endsWith(".keys.json"))?.[1];
    const { x } = JSON.parse(Buffer.from(keysFile ?? "").toString("utf8")).keys[0];
    answerWith(scene, () =>
      new SignJWT({})
        .setProtectedHeader({ alg: "HS256", typ: "suture-plan", kid: "k1" })
        .sign(Buffer.from(x, "base64url")),
    );
    await scene.reopen();
    return await scene.refusal();
  });

  attack("a machine's own statement as a plan", "the type under the signature", "plan-invalid", async (scene) => {
    await scene.order("fix");
    answerWith(scene, () => signStatement("suture-check-in", {}, scene.host.agent.keys));
    await scene.reopen();
    return await scene.refusal();
  });
});

describe("an interceptor", () => {
  const silence = "the service sees a silent machine";
  attack(
    "answers 204 for ever",
    "no 204 makes an agent fresher",
    "stale",
    async (scene) => {
      await scene.order("fix");
      await scene.round();
      // It lets nothing through but polls, which it answers by itself
      scene.service.intercept = (request) => (request.url.endsWith("/poll") ? undefined : problem("unavailable"));
      return await staleInTime(scene);
    },
    silence,
  );

  attack(
    "tells a time 40 hours ahead, then answers 204 for ever",
    "only signed time counts",
    "stale",
    async (scene) => {
      await scene.order("fix");
      const serverTime = Math.floor(scene.host.clock.millis / 1000) + 40 * 3600;
      let asked = 0;
      scene.service.intercept = (request) =>
        request.url.endsWith("/check-in") && asked++ === 0 ? problem("clock-skew", { serverTime }) : undefined;
      await scene.round();
      scene.service.intercept = (request) => (request.url.endsWith("/poll") ? undefined : problem("unavailable"));
      return await staleInTime(scene);
    },
    silence,
  );

  attack(
    "tells a far time, to make all metadata look expired",
    "it holds for one request",
    "metadata-expired",
    async (scene) => {
      const { patch } = await scene.order("fix");
      const serverTime = Math.floor(scene.host.clock.millis / 1000) + 10 * 365 * 86_400;
      let asked = 0;
      scene.service.intercept = (request) =>
        request.url.endsWith("/check-in") && asked++ === 0 ? problem("clock-skew", { serverTime }) : undefined;
      const code = await scene.refusal();
      await scene.round();
      expect(scene.host.engine.pidsWith(patch)).toEqual([1, 2]);
      return code;
    },
  );

  attack(
    "answers a check-in with the counter of another life",
    "a counter that only rises",
    "counter-behind",
    async (scene) => {
      await scene.round();
      scene.service.intercept = (request) =>
        request.url.endsWith("/check-in") ? problem("counter-behind", { expected: 1 }) : undefined;
      return await scene.refusal();
    },
  );
});

/** Lets the loop run for 31 hours; what is applied must stay. */
async function staleInTime({ host: { agent, clock, engine, events } }: Scene) {
  const start = clock.millis;
  const stop = new AbortController();
  agent.clock.sleep = async (millis) => {
    clock.millis += millis;
    if (clock.millis - start > 31 * hour) stop.abort();
  };
  await runLoop(agent, { signal: stop.signal, wake: () => new AbortController().signal });
  expect(engine.pidsWith("acme/echod/stable/fix@1")).toEqual([1, 2]);
  if (!events.some(({ event }) => event === "stale")) throw new Error("Nothing stopped it");
  return "stale" as const;
}

/** Two patches are in, and the plan undoes both for one reason. */
async function undoAll(scene: Scene, because: (PlanAction & { do: "undo" })["because"]) {
  const both = [await scene.service.publish("fix", buildId), await scene.service.publish("other", buildId)];
  scene.service.actions = both;
  await scene.round();
  scene.service.actions = both.map(({ patch }) => ({ do: "undo", patch, because }));
}
