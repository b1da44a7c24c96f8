import { expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores } from "../../infra/local/stores.ts";
import { newTargets, signMetadata } from "../../protocol/trust/edit.ts";
import { memorySigner } from "../../test/support/vendor-metadata.ts";
import { endingOf } from "../domain/expiry.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { warnOfExpiries } from "./expiries.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
const day = 86_400_000;

it("owners hear of an end at 60, 30 and 7 days, once each, and not of what was renewed before", async () => {
  const dynamo = await startDynamo();
  try {
    const stores = openStores(dynamoSdk(dynamo));
    const key = { key: memorySigner().key, wrapped: "" };
    const onlineKeys = { snapshot: key, timestamp: key };
    await stores.vendors.create({ vendor: "acme", title: "Acme", createdAt: start, onlineKeys });
    const accept = async (vendor: string, role: string, version: number, days: number) => {
      const heading = { version, expires: new Date(start + days * day) };
      const body = await signMetadata(newTargets(heading, new Map()), []);
      await stores.roles.accept({ vendor, role, version, body, acceptedAt: start, by: "test" });
    };
    await accept("acme", "echod.stable", 1, 180);
    await accept("service", "vendors", 1, 365);
    const heard = async (log: string) =>
      (await stores.audit.list(log)).items.map(({ after }) => JSON.parse(after ?? "{}").days).toReversed();
    const run = (days: number) => warnOfExpiries({ ...stores, now: start + days * day });

    expect(await run(119)).toEqual({ service: 246, vendors: 61 });
    expect(await heard("vendor/acme")).toEqual([]);
    for (const days of [120, 121, 150, 173, 173]) await run(days);
    expect(await heard("vendor/acme")).toEqual([60, 30, 7]);
    await accept("acme", "echod.stable", 2, 173 + 180);
    expect(await run(174)).toEqual({ service: 191, vendors: 179 });
    expect(await heard("vendor/acme")).toEqual([60, 30, 7]);
    await run(173 + 120);
    expect(await heard("vendor/acme")).toEqual([60, 30, 7, 60]);
    // The service's own ends later: 365 days after the start
    expect(await heard("service")).toEqual([]);
    expect([365, 305, 335, 358].map((days) => endingOf(start + 365 * day, start + days * day))).toEqual([
      "ended",
      "ends-in-60-days",
      "ends-in-30-days",
      "ends-in-7-days",
    ]);
  } finally {
    await dynamo.stop();
  }
});
