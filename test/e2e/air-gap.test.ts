import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importFile } from "../../agent/commands/import.ts";
import { configWith } from "../../agent/config/config.ts";
import { openBundleFile } from "../../agent/mirror/bundle-file.ts";
import { importPlan } from "../../agent/offline/import.ts";
import { reportFile } from "../../agent/offline/report-file.ts";
import { nodeHttp } from "../../agent/system/http.ts";
import { SutureError } from "../../protocol/errors.ts";
import type { TestHost } from "../support/agent/host.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";

let service: WholeService;
let customer: Record<string, string>;
let online = true;
let host: TestHost;
beforeAll(async () => {
  service = await startWholeService();
  const { token } = await service.suture(["token", "create", "--customer", "globex", "--api", "--role", "operator"]);
  customer = { SUTURE_TOKEN: token };
  host = await service.newHost(async (request) => {
    if (!online) throw new SutureError("unreachable", "there is no network");
    return await nodeHttp(request);
  });
  online = false;
});
afterAll(() => service.stop());

const fileNamed = (name: string) => join(service.directory, name);
async function exported(name: string): Promise<string> {
  await service.suture(["bundle", "export", fileNamed(name), "--vendor", "acme"], customer);
  return fileNamed(name);
}
async function imported(path: string) {
  const source = await openBundleFile(path);
  try {
    return await importPlan(host.agent, source);
  } finally {
    await source.close();
  }
}
async function carriedBack() {
  const path = fileNamed("host.report");
  const { receipts, ...content } = await reportFile(host.agent);
  await writeFile(path, JSON.stringify(content));
  return { path, receipts, answer: await service.suture(["report", "import", path], customer) };
}
async function stateAtService(patch: string) {
  const { machines } = await service.suture(["machines", "--customer", "globex"], customer);
  const of = machines.find(({ machine }: { machine: string }) => machine === host.agent.enrolment.machine);
  return of.patches.find((each: { patch: string }) => each.patch === patch)?.state;
}

it("a host without a network is patched from a file, its signed word is carried back, and a recall undoes it the same way", async () => {
  const patch = await service.publish("carried");
  await expect(
    importFile({ config: configWith({ state: host.state }), file: "none", json: true }),
  ).rejects.toMatchObject({
    code: "forbidden",
  });
  const first = await exported("first.bundle");
  expect((await imported(first)).results).toMatchObject([{ patch, action: "apply", code: "applied" }]);
  expect(host.engine.pidsWith(patch)).toEqual([1, 2]);
  // The same file again finds nothing to do
  expect((await imported(first)).results).toEqual([]);

  expect(await stateAtService(patch)).toBeUndefined();
  const carried = await carriedBack();
  expect(carried).toMatchObject({ receipts: 1, answer: { machines: [{ receipts: 1, newer: true }] } });
  expect(await stateAtService(patch)).toBe("applied");
  expect(await service.suture(["report", "import", carried.path], customer)).toMatchObject({
    machines: [{ newer: false }],
  });
  expect(host.agent.outbox.waiting()).toHaveLength(1);

  await service.suture(["recall", patch, "--reason", "it corrupts"]);
  expect(await service.suture(["recalls", patch])).toMatchObject({ undone: 0, pending: 1 });
  const second = await exported("second.bundle");
  expect(await imported(second)).toMatchObject({
    results: [{ patch, action: "undo", code: "undone" }],
    acknowledged: 1,
  });
  expect(host.engine.pidsWith(patch)).toEqual([]);
  await carriedBack();
  expect(await service.suture(["recalls", patch])).toMatchObject({ undone: 1, pending: 0 });

  // A file from before cannot bring it back
  await expect(imported(first)).rejects.toMatchObject({ code: "rollback-detected" });
});

it("a newer version takes an older one's place, by the host's own decision", async () => {
  const old = await service.publish("versions");
  await imported(await exported("old.bundle"));
  const fresh = await service.publish("versions", { version: 2 });
  expect((await imported(await exported("new.bundle"))).results).toMatchObject([
    { patch: fresh, action: "apply", code: "applied" },
    { patch: old, action: "undo", code: "undone" },
  ]);
  expect([host.engine.pidsWith(old), host.engine.pidsWith(fresh)]).toEqual([[], [1, 2]]);
});

it("a file that was changed, cut off, or is none is refused, and nothing of it is done", async () => {
  const patch = await service.publish("tampered");
  const good = await exported("good.bundle");
  const bytes = await readFile(good);
  const changed = fileNamed("changed.bundle");
  // The bundle that the manifest names: zstd's magic number begins it
  const at = bytes.lastIndexOf(Buffer.from("28b52ffd", "hex"));
  bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
  await writeFile(changed, bytes);
  expect((await imported(changed)).results).toMatchObject([{ patch, code: "refused" }]);
  expect(host.engine.pidsWith(patch)).toEqual([]);
  await writeFile(fileNamed("cut.bundle"), bytes.subarray(0, bytes.length - 5000));
  await expect(imported(fileNamed("cut.bundle"))).rejects.toMatchObject({ code: "invalid-request" });
  await copyFile("/bin/true", fileNamed("none.bundle"));
  await expect(imported(fileNamed("none.bundle"))).rejects.toMatchObject({ code: "invalid-request" });
});
