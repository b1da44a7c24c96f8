import { expect, test } from "vitest";
import { compareLevels, reaches } from "./level.ts";

test("Ksplice's levels are compared number by number, within one upstream version and tag", () => {
  const running = "5.15.0-208.159.3.el9uek.x86_64";
  expect(reaches("ksplice", running, "5.15.0-208.159.3.el9uek")).toBe(true);
  expect(reaches("ksplice", running, "5.15.0-208.159.3.1.el9uek")).toBe(false);
  expect(reaches("ksplice", "5.15.0-318.199.3.2.1.el9uek", running)).toBe(true);
  expect(reaches("ksplice", "5.15.0-9.1.el9uek", "5.15.0-10.1.el9uek")).toBe(false);
  expect(reaches("ksplice", "4.18.0-513.5.1.el8_9.x86_64", "4.18.0-477.27.1.el8_8")).toBe(true);
  expect(compareLevels("ksplice", running, "5.15.0-208.159.3.el8uek")).toBeNull();
  expect(compareLevels("ksplice", running, "5.4.17-208.159.3.el9uek")).toBeNull();
  expect(compareLevels("ksplice", "5.15.0-89-generic", "5.15.0-89.99")).toBeNull();
});

test("Canonical's levels are patch versions, whatever the kernel", () => {
  expect(reaches("canonical", "113.1", "104.1")).toBe(true);
  expect(reaches("canonical", "104.1", "104.2")).toBe(false);
  expect(reaches("canonical", "9.9", "10.1")).toBe(false);
  expect(reaches("canonical", "", "104.1")).toBe(false);
  expect(reaches("canonical", null, "104.1")).toBe(false);
});

test("Windows' levels are revisions of one build, and any system of the build is of its line", () => {
  expect(reaches("hotpatch", "26100.6508", "26100.3981")).toBe(true);
  expect(reaches("hotpatch", "26100.3915", "26100.3981")).toBe(false);
  expect(compareLevels("hotpatch", "10.0.26100", "26100.3981")).toBeLessThan(0);
  expect(compareLevels("hotpatch", "10.0.20348", "26100.3981")).toBeNull();
});
