import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { shutdownsIn, unplannedEnd, wasShutDown } from "./last-boot.ts";

const since = 1000;
const none = { shutdowns: [], crashDumps: [] };

it("a boot ended unasked by what the host wrote down; an ordinary reboot and doubt are no trouble", () => {
  const stayed = { since, running: true };
  const asked = { since, running: false };
  for (const seen of [stayed, asked]) {
    expect(unplannedEnd(seen, { ...none, shutdowns: [500, 1200] })).toBeUndefined();
    expect(unplannedEnd(seen, { ...none, shutdowns: [500] })).toMatch("list of shutdowns has none");
    expect(unplannedEnd(seen, { shutdowns: [1200], crashDumps: ["dmesg-efi-1"] })).toMatch("crash dump: dmesg-efi-1");
  }
  expect(unplannedEnd(stayed, none)).toMatch("nobody had asked it to stop");
  expect(unplannedEnd(asked, none)).toBeUndefined();
});

it("only what is beyond doubt counts as a shutdown that somebody wanted", () => {
  expect(wasShutDown({ since }, { ...none, shutdowns: [500, 1200] })).toBe(true);
  expect(wasShutDown({ since, hostStopping: true }, none)).toBe(true);
  expect(wasShutDown({ since }, none)).toBe(false);
  expect(wasShutDown({ since }, { ...none, shutdowns: [500] })).toBe(false);
  expect(wasShutDown({ since, hostStopping: true }, { shutdowns: [1200], crashDumps: ["dmesg-efi-1"] })).toBe(false);
});

/**
 * Four records as utmpdump(1) of util-linux writes them (`utmpdump -r | gzip`): a boot at 00:00, the runlevel at 00:00:05, somebody
 * called shutdown who signs in at 01:00, and the shutdown at 02:00.
 */
const wtmp =
  "H4sIAAAAAAACA2NigIA6Bvygrk5BoSg1KT+/BLcaMz1DPQNdIwvdxNwUMxOGkQtU2bKJVcoIxMbEhn9pXk5qWWrOaPjjB6wkhD87ELcwMzAUlBTrG+BRB5IuzigtSckvz8OlxtBADwQNGUY4EDCGhD8XJHkTTP/Elj+Ewn80/UOAgiPx6R8AkqqCZAAGAAA=";

it("shutdowns are read from wtmp", () => {
  const bytes = gunzipSync(Buffer.from(wtmp, "base64"));
  expect(shutdownsIn(bytes)).toEqual([Date.parse("2026-11-25T02:00:00Z") / 1000]);
  expect(shutdownsIn(bytes.subarray(0, 100))).toEqual([]);
});
