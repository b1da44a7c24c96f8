import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildId, newHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { runRound } from "../round/round.ts";

let directory: string;
let service: TestService;
let host: TestHost;

beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });

describe("what is refused, with nothing applied", () => {
  const refused = async (attack: (apply: Awaited<ReturnType<TestService["publish"]>>) => unknown, code: string) => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    const before = host.engine.read();
    await attack(apply);
    await round();
    expect(host.events.find((event) => event.event === "refused")).toMatchObject({ patch: apply.patch, code });
    expect(host.engine.read()).toEqual(before);
    return service.receipts;
  };

  it("a tampered bundle, and the service is told why", async () => {
    const receipts = await refused(() => {
      for (const bytes of service.bundles.values()) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    }, "bundle-mismatch");
    expect(receipts).toMatchObject([{ code: "stalled", evidence: { refused: "bundle-mismatch" } }]);
  });

  it("a bundle that the service does not have, and the service is told that this is its own fault", async () => {
    const receipts = await refused(() => {
      // There is an address, and nothing at it
      service.bundles.get = () => undefined;
    }, "missing-blob");
    expect(receipts).toMatchObject([{ code: "stalled", evidence: { refused: "missing-blob" } }]);
  });

  it("a bundle that goes on and on", async () => {
    await refused(() => {
      for (const key of service.bundles.keys()) service.bundles.set(key, Buffer.alloc(1_000_000));
    }, "bundle-mismatch");
  });

  it("a plan whose manifest is not the one that the vendor's metadata names", async () => {
    await refused((apply) => {
      service.actions = [{ ...apply, manifest: "0".repeat(64) }];
    }, "untrusted-metadata");
  });

  it("a role that no snapshot names", async () => {
    await refused(() => service.republish(["echod.stable"]), "untrusted-metadata");
  });

  it("a snapshot without its role", async () => {
    await refused(() => service.files.delete("acme/1.echod.stable.json"), "untrusted-metadata");
  });

  it("a patch for another build", async () => {
    const other = await service.publish("fix", "ffff0000");
    service.actions = [other];
    await round();
    expect(service.receipts).toMatchObject([{ code: "not-applicable" }]);
    expect(host.engine.pidsWith(other.patch)).toEqual([]);
  });

  it("a vendor's metadata that goes back, although it was all right once", async () => {
    const apply = await service.publish("fix", buildId);
    const old = service.files.get("acme/timestamp.json") ?? Buffer.alloc(0);
    const next = await service.publish("other", buildId);
    service.actions = [next];
    await round();
    service.files.set("acme/timestamp.json", old);
    service.actions = [apply];
    await round();
    expect(host.events.find((event) => event.event === "refused")).toMatchObject({ code: "rollback-detected" });
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });

  it("a plan for another machine, an answer to an earlier check-in, and one that has expired", async () => {
    service.actions = [await service.publish("fix", buildId)];
    const before = host.engine.read();
    service.bendPlan = (plan) => ({ ...plan, machine: `m-${"0".repeat(32)}` });
    await expect(round()).rejects.toMatchObject({ code: "wrong-machine" });
    service.bendPlan = (plan) => ({ ...plan, seq: plan.seq - 1 });
    await expect(round()).rejects.toMatchObject({ code: "plan-invalid" });
    service.bendPlan = (plan) => ({ ...plan, exp: plan.iat });
    await expect(round()).rejects.toMatchObject({ code: "plan-invalid" });
    expect(host.engine.read()).toEqual(before);
  });

  it("an undo that no recall, no replacement and no policy covers", async () => {
    const apply = await service.publish("fix", buildId);
    const other = await service.publish("other", buildId);
    service.actions = [apply, other];
    await round();
    service.actions = [
      { do: "undo", patch: apply.patch, because: "recall" },
      { do: "undo", patch: other.patch, because: "superseded" },
    ];
    expect(await round()).toMatchObject({ results: [{ code: "refused" }, { code: "refused" }] });
    expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2]);

    service.actions = [apply, other].map(({ patch }) => ({ do: "undo", patch, because: "policy" }));
    expect(await round()).toMatchObject({ results: [{ code: "undone" }, { code: "limited" }] });
    expect(host.engine.pidsWith(other.patch)).toEqual([1, 2]);
  });

  it("a server that does not hold the root that the token pins", async () => {
    service.token = service.token.replace(/[0-9a-f]{64}$/, "0".repeat(64));
    const elsewhere = mkdtempSync(join(directory, "other-"));
    await expect(newHost(service, { directory: elsewhere, clock: host.clock })).rejects.toMatchObject({
      code: "untrusted-metadata",
    });
  });
});
