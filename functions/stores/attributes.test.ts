import fc from "fast-check";
import { expect, test } from "vitest";
import { marshal, unmarshal } from "./attributes.ts";

test("every JSON object comes back from DynamoDB's JSON as it was", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (row) => {
      const plain = JSON.parse(JSON.stringify(row)) as object;
      expect(unmarshal(JSON.parse(JSON.stringify(marshal(plain))))).toEqual(plain);
    }),
  );
});

test("what JSON cannot hold is refused and an undefined member is left out", () => {
  expect(marshal({ a: undefined, b: 1 })).toEqual({ b: { N: "1" } });
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, new Date(0), new Map(), () => 1]) {
    expect(() => marshal({ value })).toThrow(TypeError);
  }
});
