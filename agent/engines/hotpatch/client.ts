import type { HotpatchVariant } from "../../../protocol/wire/patch.ts";
import { type Client, type Question, type Reading, unusable, updatesIn, wordsOf } from "../delegated/client.ts";
import type { Commands } from "../delegated/commands.ts";
import type { Outcome } from "../engine.ts";
import {
  hresult,
  type Installed,
  inProgress,
  monthKind,
  readInstalled,
  readSystem,
  type WindowsSystem,
  whyIneligible,
} from "./output.ts";
import { installScript, powershellArguments, readScript } from "./scripts.ts";

const tool = "powershell.exe";
const system: Question = {
  tool,
  args: powershellArguments(readScript),
  shown: `${tool} with this script:\n${readScript}`,
};

/**
 * Windows' hotpatching, through Windows Update's own interface. The level is the OS build, which a hotpatch raises at once. Windows
 * has no way back from a hotpatch but uninstalling it and a restart.
 * @see Microsoft Learn, "Hotpatch for Windows Server", Rollback support on Hotpatching
 */
export function hotpatchClient(commands: Commands): Client {
  return {
    engine: "hotpatch",
    questions: [system],
    byHand:
      "Windows takes a hotpatch out only with a restart: uninstall it, install the last good baseline, and restart.",
    isAtWork: () => commands.isOrdering(),
    async read() {
      const ran = await commands.ask(tool, system.args);
      if (ran.code !== 0) return unusable(wordsOf(tool, ran));
      const said = readSystem(ran.stdout);
      return said === null ? unusable("what PowerShell prints is not understood") : readingOf(said);
    },
    async bring({ article }: HotpatchVariant) {
      const ran = await commands.order(tool, powershellArguments(installScript(article)));
      if (ran.late) return { code: "stalled", detail: "Windows Update is still at work", evidence: { article } };
      const installed = ran.code === 0 ? readInstalled(ran.stdout) : null;
      if (installed === null) return { code: "failed", detail: wordsOf(tool, ran), evidence: { article } };
      return { ...outcomeOf(article, installed), evidence: { article, ...installed } };
    },
  };
}

function readingOf(system: WindowsSystem): Reading {
  const { build, revision, rebootRequired, fixes, history, now } = system;
  const month = Number(now.slice(5, 7));
  const hotpatch = history.find(({ title, operation }) => operation === 1 && /hotpatch/i.test(title));
  const failed = hotpatch !== undefined && (hotpatch.result === 4 || hotpatch.result === 5);
  const known = { version: null, level: `${build}.${revision}`, parts: [] };
  const ineligible = whyIneligible(system);
  if (ineligible !== "") return unusable(ineligible, known);
  const notes = [
    `a ${monthKind(month)} month`,
    ...(failed ? [`the last hotpatch failed with ${hresult(hotpatch.error)}`] : []),
    ...(hotpatch !== undefined && !failed ? [`last hotpatch on ${hotpatch.at.slice(0, 10)}`] : []),
    ...(rebootRequired ? ["a restart is due before anything else installs"] : []),
    updatesIn(fixes.length),
  ];
  const state = rebootRequired ? "needs-reboot" : failed ? "failed" : "applied";
  return { ...known, state, detail: notes.join("; "), unusable: "", busy: false };
}

function outcomeOf(
  article: string,
  { offered, restart, result, error, rebootRequired }: Installed,
): Pick<Outcome, "code" | "detail"> {
  if (offered === 0)
    return {
      code: "not-applicable",
      detail: `Windows Update does not offer ${article} here: is the last baseline in, and the host enrolled?`,
    };
  if (restart) return { code: "needs-reboot", detail: `${article} is no hotpatch for this host: it wants a restart` };
  if (inProgress.includes(error)) return { code: "blocked", detail: `Windows Update is at work (${hresult(error)})` };
  if (result !== 2)
    return { code: "failed", detail: `Windows Update failed with ${hresult(error)}, result ${result ?? "none"}` };
  return rebootRequired
    ? { code: "needs-reboot", detail: `${article} is in once the host has restarted` }
    : { code: "applied", detail: `${article} is in` };
}
