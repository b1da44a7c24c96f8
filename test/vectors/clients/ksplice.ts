import type { Vector } from "./vector.ts";

const guide = "Oracle Linux: Ksplice User's Guide";
const source = "uptrack's own source under the GPL, scripts/uptrack";
const installed = {
  "uptrack-show": {
    stdout: "Installed updates:\n[nf9nfyzj] Enablement update for live patching.\n\nEffective kernel version is 5.15.0-206.153.7.el9uek\n",
  },
};

/** Outputs of Oracle's clients. */
export const kspliceVectors: Readonly<Record<string, Vector>> = {
  "three updates on Ubuntu": {
    document: "a user's output in the Ubuntu forums, posted 2023-12-01",
    version: "uptrack for Ubuntu 22.04",
    prints: {
      "uptrack-show": {
        stdout:
          "Installed updates:\n[r9hrmw28] Enablement update for live patching.\n[qeibbp29] Provide an interface to freeze tasks.\n[5r11iivt] Denial-of-service when checking if an address is a jump label.\n\nEffective kernel version is 5.15.0-89.99\n",
      },
      "uptrack-show --available": { stdout: "Available updates:\nNone\n\nEffective kernel version is 5.15.0-89.99\n" },
    },
    reads: { level: "5.15.0-89.99", state: "applied", parts: ["r9hrmw28", "qeibbp29", "5r11iivt"], unusable: "" },
  },
  "the enhanced client shows the kernel's updates": {
    document: `${guide}, "Using the ksplice Command For the Ksplice Enhanced Client"`,
    version: "F61410",
    prints: {
      "ksplice kernel show": {
        stdout:
          "Ksplice kernel updates:\nInstalled updates:\n[nf9nfyzj] Enablement update for live patching.\n[8vkhpraf] CVE-2024-27398: Denial-of-service in Bluetooth Classic (BR/EDR) features.\n\nEffective kernel version is 5.15.0-208.159.3.el9uek\n",
      },
      "ksplice kernel show --available": { stdout: "Available updates:\nNone\n" },
    },
    reads: { level: "5.15.0-208.159.3.el9uek", parts: ["nf9nfyzj", "8vkhpraf"], unusable: "" },
  },
  "nothing is installed": {
    document: `${source}, doShow`,
    version: "1.2",
    prints: {
      "uptrack-show": { stdout: "Installed updates:\nNone\n\nEffective kernel version is 3.8.13-44.1.1.el6uek\n" },
      "uptrack-show --available": { code: 1, stdout: "Unable to read the list of available updates.\nPlease run 'uptrack-upgrade -n' to update the list of available updates.\n" },
    },
    reads: { level: "3.8.13-44.1.1.el6uek", state: "applied", parts: [], detail: "0 updates are in, it has not looked for more yet" },
  },
  "one more is available": {
    document: `${source}, doShowUpgradePlan`,
    version: "1.2",
    prints: {
      ...installed,
      "uptrack-show --available": { stdout: "Available updates:\n[dfvn0zq8] CVE-2014-0196: Pseudo TTY device write buffer overflow.\n" },
    },
    reads: { state: "blocked", detail: "1 update is in, available: 1 more" },
  },
  "another of its processes holds the lock": {
    document: `${source}, main`,
    version: "1.2",
    prints: {
      "uptrack-show": { code: 1, stdout: "It appears that another Uptrack process is currently running on this\nsystem. Please wait a minute and try again.\n" },
    },
    reads: { busy: true, state: "blocked", unusable: "", level: null },
  },
  "a traceback is no state": {
    document: `${source}: what Python prints where it throws`,
    version: "1.2",
    prints: { "uptrack-show": { code: 1, stderr: "Traceback (most recent call last):\nImportError: No module named pycurl\n" } },
    reads: { state: "unsupported", level: null },
  },
  "an unknown line among the updates is no list": {
    document: `${source}, doShow prints nothing else between the two heads`,
    version: "1.2",
    prints: { "uptrack-show": { stdout: "Installed updates:\nWARNING: database is locked\n\nEffective kernel version is 5.15.0-89.99\n" } },
    reads: { state: "unsupported", level: null },
  },
  "an upgrade ends up to date": {
    document: "an administrator's log of uptrack-updates-4.14.35-1902.303.5.3.el7uek",
    version: "20210512",
    prints: {
      "uptrack-upgrade -y": { stdout: "Installing [jcfl6cfs] CVE-2021-29154: Code execution in eBPF JIT compiler.\nYour kernel is fully up to date.\nEffective kernel version is 4.14.35-2047.503.1.el7uek\n" },
    },
    ordered: "applied",
  },
  "the server is out of reach": {
    document: `${source}, resultFromPycurl; ERROR_NO_NETWORK`,
    version: "1.2",
    prints: { "uptrack-upgrade -y": { code: 10, stdout: "Could not connect to the Ksplice Uptrack server. A network connection is needed\n\n(Network error: Couldn't resolve host)\n" } },
    ordered: "failed",
  },
  "programs are in the code": {
    document: `${source}, prettyResult, code_busy`,
    version: "1.2",
    prints: {
      "uptrack-upgrade -y": {
        code: 1,
        stdout: "Ksplice was unable to install the update because one or more programs\nare constantly using the kernel functions patched by this update.\n\n  - krfcommd (pid 412)\n",
      },
    },
    ordered: "blocked",
  },
  "the kernel is not the vendor's": {
    document: `${source}, prettyResult, no_match`,
    version: "1.2",
    prints: { "uptrack-upgrade -y": { code: 1, stdout: "Ksplice was unable to install this update because your running kernel has\nbeen modified from the version provided by your vendor.\n" } },
    ordered: "unsupported",
  },
  "there is no access key": {
    document: `${source}, main; ERROR_MISSING_KEY. ${guide}, "Ksplice Client Configuration Options"`,
    version: "1.2",
    prints: { "uptrack-upgrade -y": { code: 20, stdout: "You must specify an access key to use the service.\n" } },
    ordered: "unsupported",
  },
  "the subscription has expired": {
    document: `${source}, ERROR_EXPIRED`,
    version: "1.2",
    prints: { "uptrack-upgrade -y": { code: 17 } },
    ordered: "unsupported",
  },
};
