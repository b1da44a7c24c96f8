import type { Vector } from "./vector.ts";

const learn = "Microsoft Learn, Hotpatch for Windows Server (2023-07-27)";
const autopatch = "Microsoft Learn, Windows Autopatch: Hotpatch updates (2025-04-11)";
const wuapi = "Microsoft Learn, wuapi.h";

function system(more: object): string {
  const common = { caption: "Microsoft Windows 11 Enterprise", build: "26100", revision: 3775, protection: 2 };
  return JSON.stringify({ ...common, rebootRequired: false, fixes: [], history: [], now: "2025-05-14T08:00:00Z", ...more });
}
function installed(more: object): string {
  return JSON.stringify({ offered: 1, restart: false, result: null, error: 0, rebootRequired: false, ...more });
}
const failure = { title: "2025-05 Hotpatch (KB5058497)", at: "2025-05-14T07:00:00Z", operation: 1, result: 4 };

/** What Windows' interfaces answer, in the form of this agent's own two scripts: names and numbers are the documents'. */
export const hotpatchVectors: Readonly<Record<string, Vector>> = {
  "a hotpatch raised the build": {
    document: "Microsoft Support, May 13, 2025, Hotpatch KB5058497 (OS Build 26100.3981)",
    version: "Windows 11 Enterprise 24H2",
    prints: { read: { stdout: system({ revision: 3981, fixes: ["KB5058497", "KB5055523"] }) } },
    reads: { level: "26100.3981", state: "applied", unusable: "", detail: "a hotpatch month; 2 updates are in" },
  },
  "an update out of band raised it further": {
    document: "Microsoft Support, May 16, 2025, Hotpatch KB5061258 (OS Build 26100.3983)",
    version: "Windows 11 Enterprise 24H2",
    prints: { read: { stdout: system({ revision: 3983, fixes: "KB5061258" }) } },
    reads: { level: "26100.3983", state: "applied" },
  },
  "a baseline month": {
    document: `${learn}, Planned baselines; ${autopatch}: January, April, July, October`,
    version: "Windows Server 2025",
    prints: { read: { stdout: system({ caption: "Microsoft Windows Server 2025 Datacenter", now: "2025-07-08T18:00:00Z" }) } },
    reads: { state: "applied", detail: "a baseline month; 0 updates are in" },
  },
  "Azure Edition of Windows Server 2022": {
    document: `${learn}, Supported platforms`,
    version: "Windows Server 2022",
    prints: {
      read: { stdout: system({ caption: "Microsoft Windows Server 2022 Datacenter: Azure Edition", build: "20348", revision: 3692, protection: 0 }) },
    },
    reads: { level: "20348.3692", unusable: "" },
  },
  "no other edition of it": {
    document: `${learn}, Supported platforms`,
    version: "Windows Server 2022",
    prints: { read: { stdout: system({ caption: "Microsoft Windows Server 2022 Standard", build: "20348" }) } },
    reads: { unusable: "of Windows Server 2022 only Datacenter: Azure Edition gets hotpatches" },
  },
  "protection that is on and does not run": {
    document: `${autopatch}, Virtualization based security; Win32_DeviceGuard: 1 is enabled and not running`,
    version: "Windows 11 24H2",
    prints: { read: { stdout: system({ protection: 1 }) } },
    reads: { state: "unsupported", level: "26100.3775" },
  },
  "a home edition": {
    document: `${autopatch}, Prerequisites`,
    version: "Windows 11 24H2",
    prints: { read: { stdout: system({ caption: "Microsoft Windows 11 Home" }) } },
    reads: { unusable: "there are no hotpatches for Microsoft Windows 11 Home" },
  },
  "a restart is due": {
    document: `${wuapi}, ISystemInformation::get_RebootRequired`,
    version: "Windows Update Agent",
    prints: { read: { stdout: system({ rebootRequired: true }) } },
    reads: { state: "needs-reboot" },
  },
  "the last hotpatch failed": {
    document: `${wuapi}, OperationResultCode: orcFailed is 4; IUpdateHistoryEntry`,
    version: "Windows Update Agent",
    prints: { read: { stdout: system({ history: [{ ...failure, error: -2146498299 }] }) } },
    reads: { state: "failed", detail: "a hotpatch month; the last hotpatch failed with 0x800f0905; 0 updates are in" },
  },
  "PowerShell without the interface": {
    document: "REGDB_E_CLASSNOTREG, 0x80040154, winerror.h",
    version: "Windows PowerShell 5.1",
    prints: { read: { code: 1, stderr: "New-Object : Retrieving the COM class factory failed: 80040154 Class not registered\n" } },
    reads: { state: "unsupported", level: null },
  },
  "it installs": {
    document: `${wuapi}, OperationResultCode: orcSucceeded is 2`,
    version: "Windows Update Agent",
    prints: { install: { stdout: installed({ result: 2 }) } },
    ordered: "applied",
  },
  "it is not offered": {
    document: `${autopatch}: devices on an older baseline are not offered the hotpatch`,
    version: "Windows 11 24H2",
    prints: { install: { stdout: installed({ offered: 0 }) } },
    ordered: "not-applicable",
  },
  "what is offered always wants a restart": {
    document: `${wuapi}, InstallationRebootBehavior: irbAlwaysRequiresReboot is 1`,
    version: "Windows Update Agent",
    prints: { install: { stdout: installed({ restart: true }) } },
    ordered: "needs-reboot",
  },
  "another installation goes on": {
    document: "Microsoft Learn, Windows Update Agent Result Codes: WU_E_INSTALL_NOT_ALLOWED, 0x80240016",
    version: "Windows Update Agent",
    prints: { install: { stdout: installed({ error: 0x80240016 | 0 }) } },
    ordered: "blocked",
  },
  "it was aborted": {
    document: `${wuapi}, OperationResultCode: orcAborted is 5`,
    version: "Windows Update Agent",
    prints: { install: { stdout: installed({ result: 5 }) } },
    ordered: "failed",
  },
};
