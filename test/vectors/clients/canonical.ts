import type { Vector } from "./vector.ts";

const status = "canonical-livepatch status --format json";
const landscape = "Landscape documentation, REST API, GET /computers/<id>/livepatch/info";
const pro = "ubuntu-pro-client, uaclient/livepatch.py and its tests";
const motd = "ubuntu-advantage-tools, update-motd.d/80-livepatch";
const words = "Livepatch documentation, How to check the Livepatch client status";

function entry(livepatch: object, more: object = {}): string {
  const running = { Kernel: "5.15.0-100.110-generic", Running: true, Livepatch: { CheckState: "checked", ...livepatch } };
  return JSON.stringify({ "Client-Version": "10.8.3", Status: [{ ...running, ...more }], tier: "updates" });
}

/** Outputs of Canonical's client. */
export const canonicalVectors: Readonly<Record<string, Vector>> = {
  "a patch is in": {
    document: landscape,
    version: "client 10.8.3",
    prints: {
      [status]: {
        stdout: entry(
          { State: "applied", Version: "104.1", Fixes: [{ Name: "cve-2023-6270", Description: "", Bug: "", Patched: true }] },
          { Supported: "supported", UpgradeRequiredDate: "2025-03-07" },
        ),
      },
    },
    reads: { version: "10.8.3", level: "104.1", state: "applied", unusable: "", busy: false },
  },
  "nothing is needed": {
    document: pro,
    version: "commit 02c31f6",
    prints: { [status]: { stdout: entry({ State: "nothing-to-apply", Version: "" }) } },
    reads: { level: null, state: "not-applicable", unusable: "" },
  },
  "a patch waits": {
    document: `${motd}; ${words}: "livepatches are installed, but the module is not yet applied"`,
    version: "client 8 to 10",
    prints: { [status]: { stdout: entry({ State: "unapplied", Version: "104.1" }) } },
    reads: { level: null, state: "blocked", busy: true },
  },
  "the kernel reported a bug": {
    document: `${motd}; ${words}: "module inserted but kernel bug detected"`,
    version: "client 8 to 10",
    prints: { [status]: { stdout: entry({ State: "applied-with-bug", Version: "104.1" }) } },
    reads: { level: "104.1", state: "failed" },
  },
  "it crashed last time": {
    document: `${motd}; ${words}: "the application caused a crash last time it was applied"`,
    version: "client 8 to 10",
    prints: { [status]: { stdout: entry({ State: "apply-failed", Version: "104.1" }) } },
    reads: { level: null, state: "failed" },
  },
  "the kernel must be upgraded": {
    document: `${pro}: Supported`,
    version: "commit 02c31f6",
    prints: { [status]: { stdout: entry({ State: "applied", Version: "94.1" }, { Supported: "kernel-upgrade-required" }) } },
    reads: { level: "94.1", state: "needs-reboot", unusable: "" },
  },
  "the kernel is not covered": {
    document: `${pro}: Supported`,
    version: "commit 02c31f6",
    prints: { [status]: { stdout: entry({ State: "nothing-to-apply", Version: "" }, { Supported: "unsupported" }) } },
    reads: { unusable: "Canonical does not cover this kernel" },
  },
  "the kernel is covered no more": {
    document: `${pro}: Supported`,
    version: "commit 02c31f6",
    prints: { [status]: { stdout: entry({ State: "applied", Version: "94.1" }, { Supported: "kernel-end-of-life" }) } },
    reads: { level: "94.1", unusable: "Canonical does not cover this kernel any more" },
  },
  "its check failed, and the patch stays": {
    document: "canonical/desktop-security-center, issue 241: \"Error in livepatch check state: check-failed\"",
    version: "client 10, 2026-08",
    prints: { [status]: { stdout: entry({ CheckState: "check-failed", State: "applied", Version: "104.1" }) } },
    reads: {
      level: "104.1",
      state: "applied",
      detail: "all applicable livepatch modules are in; its last check with its server failed",
    },
  },
  "a client before 9 spells it otherwise": {
    document: "a Checkmk plugin that reads checkState, patchState, version and running",
    version: "client 7 and 8",
    prints: {
      [status]: {
        stdout: JSON.stringify({
          "client-version": "8.0.1",
          status: [
            {
              kernel: "4.4.0-47.68-generic",
              running: true,
              livepatch: { checkState: "checked", patchState: "applied", version: "33.1", fixes: "* CVE-2016-5195" },
            },
          ],
        }),
      },
    },
    reads: { version: "8.0.1", level: "33.1", state: "applied", unusable: "" },
  },
  "it is not enabled, nor the host attached": {
    document: "ubuntu-pro-client, features/attached_enable.feature: exits 1",
    version: "ubuntu-advantage-tools 27",
    prints: {
      [status]: { code: 1, stderr: "Machine is not enabled. Please run 'sudo canonical-livepatch enable' with the\ntoken obtained from https://ubuntu.com/livepatch.\n" },
      "pro status --format json": { stdout: JSON.stringify({ attached: false, services: [] }) },
    },
    reads: { state: "unsupported", level: null },
  },
  "an answer without a state is none": {
    document: `${pro}: what its tests hold to be ambiguous`,
    version: "commit 05d6f88",
    prints: { [status]: { stdout: '{"Status": [{"Livepatch": {}}]}' } },
    reads: { state: "unsupported", level: null },
  },
  "a state that nobody wrote down is none": {
    document: `${words} names every state of ${motd}, and not this one`,
    version: "client 10",
    prints: { [status]: { stdout: entry({ State: "paused", Version: "104.1" }) } },
    reads: { level: null, state: "unsupported", unusable: 'it says "paused", which is not understood' },
  },
};
