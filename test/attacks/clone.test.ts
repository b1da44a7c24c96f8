import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runRound } from "../../agent/round/round.ts";
import { required } from "../../agent/state/json-file.ts";
import { type HttpRequest, nodeHttp } from "../../agent/system/http.ts";
import { openHost } from "../support/agent/host.ts";
import { pollUntil, startWholeService, type WholeService } from "../support/whole/service.ts";

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service.stop());

const row = (name: string, stoppedBy: string, code: string, play: () => Promise<void>) =>
  it(name, async ({ task }) => {
    await play();
    task.meta.attack = { attack: name, stoppedBy, code, named: "the service sees it" };
  });

describe("a machine's requests", () => {
  row("an earlier check-in sent again by somebody else", "a counter that only rises", "counter-behind", async () => {
    const sent: HttpRequest[] = [];
    const host = await service.newHost(async (request) => {
      if (request.url.endsWith("/check-in")) sent.push(request);
      return await nodeHttp(request);
    });
    for (let round = 0; round < 2; round++) await runRound(host.agent, { force: true });
    const [first, last] = sent;
    if (first === undefined || last === undefined) throw new Error("Nothing was sent");
    const answered = async (request: HttpRequest) => {
      const { status, body } = await nodeHttp(request);
      return { status, ...JSON.parse(Buffer.from(body).toString("utf8")) };
    };
    expect(await answered(first)).toMatchObject({ status: 409, code: "counter-behind" });
    // The newest is a retry, and answered so: what it asks for is that machine's, whoever sends it
    expect(await answered(last)).toMatchObject({ status: 200 });
    const patch = await service.publish("after-the-replay");
    await pollUntil(host, () => host.engine.pidsWith(patch).length === 2);
  });
});

describe("two hosts, one identity", () => {
  row("a cloned machine asks for patches in turn with the first", "boots that come back", "cloned", async () => {
    const first = await service.newHost();
    const directory = join(first.state, "..");
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    const second = await openHost({ directory: copy, clock: first.clock, http: nodeHttp, bootId: "another" });
    for (const { agent } of [first, second, first]) await runRound(agent, { force: true });
    const patch = await service.publish("after-the-clone");
    for (const host of [second, first]) {
      const holds = () => required(host.agent.session, "session.json").plan?.holds ?? [];
      await pollUntil(host, () => holds().some((each) => each.patch === patch));
      expect(holds()).toContainEqual({ patch, because: "cloned" });
      expect(host.engine.pidsWith(patch)).toEqual([]);
    }
  });

  row(
    "an honest machine restored from a snapshot is not locked out",
    "one answer: counter-behind",
    "counter-behind",
    async () => {
      const host = await service.newHost();
      const directory = join(host.state, "..");
      await cp(directory, `${directory}-snapshot`, { recursive: true });
      for (let round = 0; round < 3; round++) await runRound(host.agent, { force: true });
      await rm(directory, { recursive: true });
      await cp(`${directory}-snapshot`, directory, { recursive: true });
      const restored = await openHost({ directory, clock: host.clock, http: nodeHttp, bootId: "after" });
      const patch = await service.publish("after-the-restore");
      await pollUntil(restored, () => restored.engine.pidsWith(patch).length === 2);
    },
  );
});
