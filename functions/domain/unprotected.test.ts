import { expect, it } from "vitest";
import { facts, inputs, patch, stream } from "../../test/support/plan.ts";
import { unprotectedBy } from "./unprotected.ts";

const [first, second] = [`${stream}/fix@1`, `${stream}/fix@2`];
const newest = patch(second, {}, "withdrawn");
const former = patch(first, {}, "superseded");

it("a machine that lost the newest version of a fix and is offered no other is open, until one is live again or is applied", () => {
  expect(unprotectedBy(inputs({ patches: [former, newest] }), [])).toEqual(new Set([second]));
  expect(unprotectedBy(inputs({ patches: [patch(first), newest] }), [])).toEqual(new Set());
  expect(unprotectedBy(inputs({ patches: [former, newest] }), [first])).toEqual(new Set());
  const third = patch(`${stream}/better@1`, { supersedes: ["fix@2"] });
  expect(unprotectedBy(inputs({ patches: [former, newest, third] }), [])).toEqual(new Set());
});

it("of several withdrawn versions one is told, and none to a machine that does not run what they are for or pays for nothing", () => {
  const both = [patch(first, {}, "withdrawn"), newest];
  expect(unprotectedBy(inputs({ patches: both }), [])).toEqual(new Set([second]));
  expect(unprotectedBy(inputs({ patches: both, facts: { ...facts, builds: [] } }), [])).toEqual(new Set());
  expect(unprotectedBy(inputs({ patches: both, subscriptions: [] }), [])).toEqual(new Set());
});
