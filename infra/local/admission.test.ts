import { expect, it } from "vitest";
import { Admission, type Admitted, type Arrival, usualShares } from "./admission.ts";

const mebibyte = 1024 * 1024;
const arrival = (more: Partial<Arrival> = {}): Arrival => ({
  path: "/machines",
  connection: {},
  address: undefined,
  bodyBytes: 0,
  ...more,
});
const times = (count: number, make: () => Admitted) => Array.from({ length: count }, make);
const admitted = (all: readonly Admitted[]) => all.flatMap((each) => ("leave" in each ? [each] : []));

it("of 400 check-ins with bodies of 1 MB so many are let in as fit the budget, announced or not, and again when they have left", () => {
  const admission = new Admission();
  const checkIn = (bodyBytes: number | undefined) =>
    admission.enter(arrival({ path: "/v1/agent/check-in", bodyBytes }));
  const first = admitted(times(400, () => checkIn(mebibyte)));
  expect(first).toHaveLength(32);
  // A poll has no body, and its place is left
  expect(admission.enter(arrival({ path: "/v1/agent/poll" }))).toHaveProperty("leave");
  for (const { leave } of first) leave();
  // one that announces no length, and one that announces more than any route takes, count as the largest that is read
  expect(admitted(times(400, () => checkIn(undefined)))).toHaveLength(16);
  expect(checkIn(1e12)).toEqual({ refused: "share" });
});

it("a flood of pages, or of files, leaves agents their share", () => {
  const admission = new Admission();
  expect(admitted(times(500, () => admission.enter(arrival())))).toHaveLength(usualShares.others.requests);
  expect(admitted(times(500, () => admission.enter(arrival({ path: "/tuf/service/root.json" }))))).toHaveLength(
    usualShares.files.requests,
  );
  const polls = times(500, () => admission.enter(arrival({ path: "/v1/agent/poll" })));
  expect(admitted(polls)).toHaveLength(usualShares.agents.requests);
});

it("one address has at most half of a share, and one connection a few requests", () => {
  const admission = new Admission();
  expect(admitted(times(500, () => admission.enter(arrival({ address: "203.0.113.7" }))))).toHaveLength(24);
  expect(admission.enter(arrival({ address: "203.0.113.8" }))).toHaveProperty("leave");
  const connection = {};
  const all = times(6, () => admission.enter(arrival({ connection, path: "/v1/agent/poll" })));
  expect(all.map((each) => ("refused" in each ? each.refused : "in"))).toEqual([
    ...Array.from({ length: 4 }, () => "in"),
    "connection",
    "connection",
  ]);
});
