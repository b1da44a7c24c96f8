import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitingKernel } from "./kernels.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "suture-kernels-"));
  mkdirSync(join(root, "boot"));
});
afterEach(() => rmSync(root, { recursive: true }));

function install(...releases: string[]): void {
  for (const release of releases) {
    mkdirSync(join(root, "lib/modules", release), { recursive: true });
    writeFileSync(join(root, `boot/vmlinuz-${release}`), "");
  }
}

it.each([
  ["6.8.0-45-generic", "6.8.0-47-lowlatency"],
  ["6.1.0-28-amd64", "6.1.0-29-cloud-amd64"],
  ["6.1.0-28-amd64", "6.1.0-28-rt-amd64"],
  ["5.14.0-503.11.1.el9_5.x86_64", "5.14.0-503.11.1.el9_5.x86_64+debug"],
  ["5.14.0-503.11.1.el9_5.x86_64", "5.14.0-504.1.1.el9_5.x86_64+rt"],
  ["6.4.0-150600.23.25-default", "6.4.0-150600.23.30-preempt"],
])("beside %s another flavour, %s, waits for no reboot", (running, other) => {
  install(running, other);
  expect(waitingKernel(running, root)).toBeUndefined();
});

it.each([
  ["6.8.0-45-generic", "6.8.0-47-generic"],
  ["6.1.0-28-amd64", "6.5.0-0.deb12.4-amd64"],
  ["6.1.0-28-cloud-amd64", "6.1.0-29-cloud-amd64"],
  ["5.14.0-503.11.1.el9_5.x86_64", "5.14.0-570.12.1.el9_6.x86_64"],
  ["6.11.4-301.fc41.x86_64", "6.12.5-200.fc42.x86_64"],
  ["6.4.0-150600.23.25-default", "6.4.0-150600.23.30-default"],
  ["6.8.0-45-generic", "6.14.0-rc3-generic"],
])("the newest kernel of the running one's flavour waits: %s, then %s", (running, newer) => {
  install(running, newer);
  expect(waitingKernel(running, root)).toMatchObject({ release: newer });
});
