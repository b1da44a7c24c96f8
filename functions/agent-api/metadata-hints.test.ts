import { expect, test } from "vitest";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { scopeOf } from "../domain/ticket.ts";
import { MetadataHints } from "./metadata-hints.ts";

test("a timestamp is read once a minute, and at once where a channel that a plan draws on has changed", async () => {
  const read: string[] = [];
  const published = { acme: 1, service: 1 };
  let now = 0;
  const hints = new MetadataHints(
    (repository, name) => {
      read.push(`${repository}/${name}`);
      const version = published[repository as keyof typeof published];
      const meta = name === "timestamp.json" ? { "snapshot.json": { version } } : {};
      return Promise.resolve(JSON.stringify({ signed: { version, meta } }));
    },
    () => now,
  );
  const fix = parsePatchId("acme/echod/stable/fix@1");
  const ask = async (epoch: number, changed: Record<string, number> = {}) => {
    read.length = 0;
    const scopes = Object.fromEntries(Object.entries(changed).map(([scope, at]) => [scope, { epoch: at, at: 0 }]));
    const versions = { root: 1, timestamp: 1 };
    const held = { acme: versions, service: versions };
    const lacked = await hints.lackedBy(held, [fix], { epoch, floor: 0, scopes });
    return { lacked: Object.keys(lacked), read: [...read] };
  };
  const timestamps = ["service/timestamp.json", "acme/timestamp.json"];
  expect(await ask(1)).toEqual({ lacked: [], read: timestamps });
  now = 59_000;
  expect(await ask(2, { [scopeOf.stream("acme/echod/edge")]: 2 })).toEqual({ lacked: [], read: [] });
  published.acme = 2;
  expect(await ask(3, { [scopeOf.stream("acme/echod/stable")]: 3 })).toEqual({
    lacked: ["acme"],
    read: [...timestamps, "acme/2.snapshot.json"],
  });
  now = 60_000;
  expect((await ask(3)).read).toEqual(timestamps);
});
