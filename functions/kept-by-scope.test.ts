import { expect, test } from "vitest";
import type { ChangeRecord } from "./domain/poll.ts";
import { KeptByScope } from "./kept-by-scope.ts";

const recordAt = (epoch: number, scopes: Record<string, number> = {}, floor = 0): ChangeRecord => ({
  epoch,
  floor,
  scopes: Object.fromEntries(Object.entries(scopes).map(([scope, at]) => [scope, { epoch: at, at: 0 }])),
});

function counted(most = 10) {
  const kept = new KeptByScope<number>(most);
  let loads = 0;
  const ask = (key: string, record: ChangeRecord) =>
    kept.get(key, record, [`t:${key}`], () => Promise.resolve(++loads));
  return { kept, ask };
}

test("what is kept is loaded again when its own scope has changed, and when nobody knows any more whether it has", async () => {
  const { ask } = counted();
  expect(await ask("globex", recordAt(5))).toBe(1);
  expect(await ask("globex", recordAt(9, { "t:initech": 9 }))).toBe(1);
  expect(await ask("globex", recordAt(10, { "t:initech": 9, "t:globex": 10 }))).toBe(2);
  // Whoever read the record before that is given what is newer
  expect(await ask("globex", recordAt(9, { "t:initech": 9 }))).toBe(2);
  expect(await ask("globex", recordAt(20, {}, 11))).toBe(3);
});

test("a change that comes while something is loaded makes the next who knows of it load anew", async () => {
  const { ask } = counted();
  const [first, second] = [ask("globex", recordAt(1)), ask("globex", recordAt(2, { "t:globex": 2 }))];
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  expect(await ask("globex", recordAt(2, { "t:globex": 2 }))).toBe(2);
});

test("no more is kept than was asked for last, and what failed is not kept", async () => {
  const { kept, ask } = counted(2);
  for (const key of ["a", "b", "a", "c"]) await ask(key, recordAt(1));
  expect(await ask("a", recordAt(1))).toBe(1);
  expect(await ask("b", recordAt(1))).toBe(4);
  await expect(kept.get("d", recordAt(1), [], () => Promise.reject(new Error("no table")))).rejects.toThrow("no table");
  expect(await ask("d", recordAt(1))).toBe(5);
});
