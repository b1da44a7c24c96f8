import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, newHost, openHost, type TestHost } from "../../test/support/agent/host.ts";
import { enrolBeside, rekeyHost, retires } from "../../test/support/agent/rekeying.ts";
import { problem, type TestService, testService } from "../../test/support/agent/service.ts";
import { enroll } from "../commands/enroll.ts";
import { unenroll } from "../commands/unenroll.ts";
import { configWith } from "../config/config.ts";
import { runRound } from "../round/round.ts";
import { enrolmentFile } from "../state/identity.ts";
import { forgetIdentity } from "../state/image.ts";
import { takeNextIdentity } from "../state/next-identity.ts";
import type { joinFleet } from "./join.ts";

let directory: string;
let service: TestService;
let host: TestHost;
const clock = { millis: Date.now() };
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "suture-rekey-"));
  service = await testService(() => clock.millis);
  host = await newHost(service, { directory, clock });
});
afterEach(() => rmSync(directory, { recursive: true }));

const enrolAt: typeof joinFleet = (...given) => enrolBeside({ directory, service, host })(...given);
const image = () => ({ server: "https://suture.test", token: service.token, ephemeral: false });
const again = () => rekeyHost({ directory, service, host });
const reopen = () => openHost({ directory, clock, http: service.http });

it("makes the host a new machine, retires the old one, and keeps what is applied", async () => {
  const apply = await service.publish("fix", buildId);
  service.actions = [apply];
  await runRound(host.agent, { force: true });
  const was = host.agent.enrolment.machine;
  const retired: string[] = [];
  service.intercept = (request) => {
    if (request.url.endsWith("/retire")) retired.push(request.url);
    return retires({ host })(request);
  };
  const { machine } = await again();
  expect(machine).not.toBe(was);
  expect(retired).toHaveLength(1);
  const { agent, engine } = await reopen();
  expect(agent.enrolment.machine).toBe(machine);
  expect(engine.pidsWith(apply.patch)).toEqual([1, 2]);
  expect(agent.patches.get(apply.patch)?.state).toBe("applied");
  expect(existsSync(join(host.state, "next"))).toBe(false);
  service.intercept = () => undefined;
  await runRound(agent, { force: true });
});

it("leaves the host as it was where the old machine cannot retire, and goes on with the same new key", async () => {
  service.intercept = ({ url }) => (url.endsWith("/retire") ? problem("unavailable") : undefined);
  await expect(again()).rejects.toMatchObject({ code: "unavailable" });
  expect((await reopen()).agent.enrolment).toEqual(host.agent.enrolment);
  const next = enrolmentFile(join(host.state, "next")).read();
  service.intercept = retires({ host });
  expect((await again()).machine).toBe(next?.machine);
});

it("cut off between any two moves, the next start ends it with a whole identity", async () => {
  const names = ["key.json", "repositories", "session.json"];
  for (let cut = 0; cut <= names.length; cut++) {
    const state = join(mkdtempSync(join(directory, "cut-")), "state");
    cpSync(host.state, state, { recursive: true });
    const next = join(state, "next");
    const { machine } = await enrolAt(configWith({ state: next }), image());
    rmSync(join(state, "identity.json"));
    if (cut > 0) forgetIdentity(state);
    for (const name of names.slice(0, cut)) renameSync(join(next, name), join(state, name));
    takeNextIdentity(state);
    expect(enrolmentFile(state).read()?.machine).toBe(machine);
    expect(readdirSync(state)).toEqual(expect.arrayContaining([...names, "identity.json"]));
    expect(readdirSync(join(state, "repositories"))).toEqual(["service.json"]);
    expect(existsSync(next)).toBe(false);
  }
});

it("once the old machine is gone, a call that is made again ends it without a token, and makes no third one", async () => {
  service.intercept = retires({ host });
  const { state } = host;
  const next = join(state, "next");
  const { machine } = await enrolAt(configWith({ state: next }), image());
  rmSync(join(state, "identity.json"));
  const said = await enroll({ config: configWith({ state }), ephemeral: false, rekey: true });
  expect(said.json).toMatchObject({ machine });
  expect(enrolmentFile(state).read()?.machine).toBe(machine);
});

it("a host that leaves is not enrolled again by a new identity that was begun", async () => {
  service.intercept = ({ url }) => (url.endsWith("/retire") ? problem("unavailable") : undefined);
  await expect(again()).rejects.toMatchObject({ code: "unavailable" });
  await unenroll({ config: configWith({ state: host.state }), offline: true });
  expect(takeNextIdentity(host.state)).toBeUndefined();
  expect(enrolmentFile(host.state).read()).toBeUndefined();
});
