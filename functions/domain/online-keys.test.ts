import { expect, it } from "vitest";
import { memorySigner, vendorPen } from "../../test/support/vendor-metadata.ts";
import { allowedIn, namedIn } from "./online-keys.ts";

const pair = () => ({ snapshot: memorySigner(), timestamp: memorySigner() });
const rootFor = async ({ snapshot, timestamp }: ReturnType<typeof pair>) =>
  await vendorPen({ snapshot: snapshot.key, timestamp: timestamp.key }).root();

it("lets a root take the keys that are to follow, and none take back those that were replaced", async () => {
  const [first, next, foreign] = [pair(), pair(), pair()];
  const [before, after, strange] = await Promise.all([first, next, foreign].map(rootFor));
  const held = { onlineKeys: first, nextOnlineKeys: next };
  expect(namedIn(undefined, held)).toBe(first);
  expect(namedIn(before, held)).toBe(first);
  expect(namedIn(after, held)).toBe(next);
  expect(allowedIn(after ?? "", before, held)).toBe(next);
  expect(allowedIn(before ?? "", before, held)).toBe(first);
  expect(allowedIn(strange ?? "", before, held)).toBe(first);
  expect(allowedIn(before ?? "", after, held)).toBe(next);
  expect(() => namedIn(strange, held)).toThrow(expect.objectContaining({ code: "conflict" }));
});
