import type { Answer, StandIn } from "./stand-in.ts";

export type HotpatchState = {
  trouble:
    | ""
    | "busy"
    | "reboot-due"
    | "failing"
    | "no-protection"
    | "baseline"
    | "not-offered"
    | "garbage"
    | "hang"
    | "no-com";
  revision: number;
  fixes: string[];
  history: { title: string; at: string; operation: number; result: number; error: number }[];
};

const hotpatch = { article: "KB5058497", revision: 3981 };

/**
 * PowerShell on Windows Server 2025 as far as this agent's two scripts ask it: names and numbers are those of wuapi.h, of
 * Win32_DeviceGuard and of Microsoft's release notes; what the scripts themselves do was never run.
 */
export const hotpatchStandIn: StandIn<HotpatchState> = {
  tools: ["powershell.exe"],
  initial: { trouble: "", revision: 3775, fixes: ["KB5055523"], history: [] },
  run(state, _tool, args): Answer {
    const { trouble } = state;
    if (trouble === "hang") return "hang";
    if (trouble === "garbage") return { code: 0, stdout: "WARNING: the profile could not be loaded\n" };
    if (trouble === "no-com")
      return {
        code: 1,
        stderr: "New-Object : Retrieving the COM class factory failed: 80040154 Class not registered\n",
      };
    const script = Buffer.from(args.at(-1) ?? "", "base64").toString("utf16le");
    if (script.startsWith("# suture: read\n")) return { code: 0, stdout: `${JSON.stringify(system(state))}\r\n` };
    const article = /^# suture: install (\d+)\n/.exec(script)?.[1];
    if (article === undefined) return { code: 1, stderr: "The script is not known\n" };
    return { code: 0, stdout: `${JSON.stringify(install(state, `KB${article}`))}\r\n` };
  },
};

function system({ trouble, revision, fixes, history }: HotpatchState): unknown {
  return {
    caption: "Microsoft Windows Server 2025 Datacenter",
    build: "26100",
    revision,
    protection: trouble === "no-protection" ? 1 : 2,
    rebootRequired: trouble === "reboot-due",
    // As Windows PowerShell does with an array of one
    fixes: fixes.length === 1 ? fixes[0] : fixes,
    history,
    now: "2025-05-14T08:00:00Z",
  };
}

function install(state: HotpatchState, article: string): unknown {
  const nothing = { offered: 1, restart: false, result: null, error: 0, rebootRequired: false };
  const { trouble } = state;
  if (article !== hotpatch.article || trouble === "not-offered") return { ...nothing, offered: 0 };
  if (trouble === "baseline") return { ...nothing, restart: true };
  if (trouble === "busy") return { ...nothing, error: 0x80240016 | 0 };
  const entry = {
    title: `2025-05 Hotpatch for Windows Server 2025 (${article})`,
    at: "2025-05-14T07:59:00Z",
    operation: 1,
  };
  if (trouble === "failing") {
    state.history.unshift({ ...entry, result: 4, error: 0x800f0905 | 0 });
    return { ...nothing, result: 4, error: 0x800f0905 | 0 };
  }
  state.history.unshift({ ...entry, result: 2, error: 0 });
  state.fixes.push(article);
  state.revision = hotpatch.revision;
  return { ...nothing, result: 2 };
}
