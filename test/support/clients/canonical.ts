import type { Answer, StandIn } from "./stand-in.ts";

export type CanonicalState = {
  trouble: "" | "applying" | "not-enabled" | "check-failed" | "apply-failed" | "no-daemon" | "garbage" | "hang";
  attached: boolean;
  level: string;
  /** what the server has for this kernel */
  offered: string;
};

/**
 * Canonical's Livepatch client 10 and the Ubuntu Pro client: the form of the JSON is the one that Landscape's documentation shows,
 * states and messages are those of Canonical's documentation and of the Ubuntu Pro client's own tests.
 */
export const canonicalStandIn: StandIn<CanonicalState> = {
  tools: ["canonical-livepatch", "pro"],
  initial: { trouble: "", attached: true, level: "", offered: "104.1" },
  run(state, tool, args): Answer {
    if (state.trouble === "hang") return "hang";
    if (tool === "pro") return pro(state, args);
    if (state.trouble === "garbage") return { code: 0, stdout: '{"Status": "all is well"}' };
    if (state.trouble === "no-daemon")
      return {
        code: 1,
        stderr: "cannot connect to livepatchd: dial unix livepatchd.sock: connect: connection refused\n",
      };
    if (state.trouble === "not-enabled")
      return {
        code: 1,
        stderr:
          "Machine is not enabled. Please run 'sudo canonical-livepatch enable' with the\ntoken obtained from https://ubuntu.com/livepatch.\n",
      };
    if (args[0] === "status") return { code: 0, stdout: status(state) };
    if (args[0] !== "refresh") return { code: 1, stderr: `unknown command "${args[0]}"\n` };
    if (state.trouble === "check-failed") return { code: 1, stderr: "check failed: bad server status 503\n" };
    if (state.trouble === "") state.level = state.offered;
    return { code: 0, stdout: "" };
  },
};

function status({ trouble, level }: CanonicalState): string {
  const state =
    trouble === "applying" || trouble === "apply-failed" ? trouble : level === "" ? "nothing-to-apply" : "applied";
  return JSON.stringify({
    "Client-Version": "10.8.3",
    "Machine-Id": "0123456789abcdef0123456789abcdef",
    Architecture: "amd64",
    Status: [
      {
        Kernel: "5.15.0-100.110-generic",
        Running: true,
        Livepatch: {
          CheckState: trouble === "check-failed" ? "check-failed" : "checked",
          State: state,
          Version: level,
          ...(level !== "" && { Fixes: [{ Name: "cve-2024-1086", Description: "", Bug: "", Patched: true }] }),
        },
        Supported: "supported",
        UpgradeRequiredDate: "2025-03-07",
      },
    ],
    tier: "updates",
  });
}

function pro(state: CanonicalState, args: readonly string[]): Answer {
  if (args[0] === "status") {
    const livepatch = {
      name: "livepatch",
      entitled: "yes",
      status: state.trouble === "not-enabled" ? "disabled" : "enabled",
    };
    return { code: 0, stdout: JSON.stringify({ attached: state.attached, services: [livepatch] }) };
  }
  if (args[0] !== "enable" || !state.attached)
    return { code: 1, stderr: "This machine is not attached to an Ubuntu Pro subscription.\n" };
  state.trouble = "";
  return { code: 0, stdout: "One moment, checking your subscription first\nCanonical livepatch enabled.\n" };
}
