import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildId, newHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { mayMount, smallDisk } from "../../test/support/agent/small-disk.ts";
import { runLoop } from "../round/loop.ts";
import { runRound } from "../round/round.ts";
import { mebibyte } from "../system/disk.ts";
import { roomIn } from "./room.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
const disks: ReturnType<typeof smallDisk>[] = [];
afterEach(() => {
  for (const disk of disks.splice(0)) disk.unmount();
  rmSync(directory, { recursive: true });
});

const withRoom = (limits: { quota?: number; free?: () => number }) => {
  const { agent, state } = host;
  return { ...agent, room: roomIn(state, agent.patches, limits) };
};

it.each([
  ["what patches may take here", () => ({ quota: mebibyte }), "patches take 0 MiB of the 1 MiB"],
  ["what stays free", () => ({ free: () => 65 * mebibyte }), "65 MiB are free in"],
])(
  "a patch beyond %s is not downloaded, is blocked with the figures, leaves what it would replace, and goes in once there is room",
  async (_, limits, figures) => {
    const first = await service.publish("fix", buildId);
    service.actions = [first];
    await runRound(host.agent, { force: true });
    const second = await service.publish("better", buildId, {
      payload: "x".repeat(1.2 * mebibyte),
      supersedes: ["fix@1"],
    });
    service.actions = [{ do: "undo", patch: first.patch, because: "superseded" }, second];
    let downloads = 0;
    service.intercept = ({ url }) => {
      if (url.includes("/bundles")) downloads++;
      return undefined;
    };
    await runRound(withRoom(limits()), { force: true });
    expect(host.agent.patches.get(second.patch)).toMatchObject({
      state: "blocked",
      detail: expect.stringContaining(`No room for 1229 KiB: ${figures}`),
    });
    expect([downloads, host.engine.pidsWith(first.patch)]).toEqual([0, [1, 2]]);

    await runRound(host.agent, { force: true });
    expect(host.engine.pidsWith(second.patch)).toEqual([1, 2]);
  },
);

it("what is kept only in case gives way, oldest first, and what is in stays", async () => {
  const inside = await service.publish("inside", buildId, { payload: "i".repeat(mebibyte) });
  service.actions = [inside];
  await runRound(host.agent, { force: true });
  const targets = host.engine.read();
  host.engine.write({ ...targets, processes: { ...targets.processes, deadbeef: [{ pid: 7, patches: [] }] } });
  const absent: string[] = [];
  for (const name of ["older", "newer"]) {
    const apply = await service.publish(name, "deadbeef", { payload: name.slice(0, 1).repeat(mebibyte) });
    absent.push(apply.patch);
    service.actions = [apply];
    // Its process ends between the facts and the patch
    service.intercept = ({ url }) => {
      if (url.includes("/bundles")) host.engine.write(targets);
      return undefined;
    };
    host.engine.write({ ...targets, processes: { ...targets.processes, deadbeef: [{ pid: 7, patches: [] }] } });
    host.clock.millis += 3_700_000;
    await runRound(host.agent, { force: true });
  }
  const kept = () => absent.map((patch) => host.agent.patches.get(patch)?.verified !== null);
  expect(host.agent.patches.payloadBytes()).toBe(3 * mebibyte);
  expect(kept()).toEqual([true, true]);

  service.actions = [await service.publish("next", buildId, { payload: "x".repeat(mebibyte) })];
  await runRound(withRoom({ quota: 3 * mebibyte }), { force: true });
  expect(host.engine.pidsWith("acme/echod/stable/next")).toEqual([1, 2]);
  expect(kept()).toEqual([false, true]);
  expect(host.agent.patches.get(inside.patch)?.verified).not.toBeNull();
  expect(host.agent.patches.payloadBytes()).toBe(3 * mebibyte);
});

describe.skipIf(!mayMount)("on a file system of its own", () => {
  it("a file system that counts nothing has room", () => {
    const folder = join(directory, "ramfs");
    disks.push(smallDisk(folder, "ramfs"));
    expect(() => roomIn(folder, host.agent.patches)([{ sha256: "0".repeat(64), size: mebibyte }])).not.toThrow();
  });

  it("whichever write finds the disk full while a patch is replaced, the same agent comes to the end once there is room", async () => {
    const codes = new Set<string>();
    const first = await service.publish("fix", buildId);
    const second = await service.publish("better", buildId, { supersedes: ["fix@1"] });
    for (let [pages, isFull] = [0, true]; isFull; pages++) {
      const folder = join(directory, String(pages));
      const disk = smallDisk(join(folder, "state"));
      disks.push(disk);
      const { engine, clock, events, ...opened } = await newHost(service, {
        directory: folder,
        clock: { ...host.clock },
      });
      const agent = { ...opened.agent, room: () => {} };
      service.actions = [first];
      await runRound(agent, { force: true });
      service.actions = [{ do: "undo", patch: first.patch, because: "superseded" }, second];
      disk.fill(pages);
      const start = clock.millis;
      const stop = new AbortController();
      agent.clock.sleep = async () => {
        for (const { patch } of [first, second]) expect([[], [1, 2]]).toContainEqual(engine.pidsWith(patch));
        if (clock.millis > start) disk.empty();
        clock.millis += 600_000;
        if (clock.millis > start + 7_200_000) stop.abort();
      };
      const asked = () => clock.millis === start;
      await runLoop(agent, { signal: stop.signal, wake: () => new AbortController().signal, asked });
      const troubles = events.flatMap((each) => (each.event === "trouble" ? [each.code] : []));
      for (const code of troubles) codes.add(code);
      isFull = troubles.length > 0 || events.some(({ event }) => event === "refused");
      expect([engine.pidsWith(first.patch), engine.pidsWith(second.patch)], `${pages} pages`).toEqual([[], [1, 2]]);
      expect(agent.patches.get(second.patch)?.state).toBe("applied");
      expect([agent.journal.read(), agent.outbox.waiting()]).toEqual([undefined, []]);
    }
    expect([...codes]).toEqual(["no-space"]);
  });
});
