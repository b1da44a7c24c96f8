import { type Client, question, type Reading, unusable, wordsOf } from "../delegated/client.ts";
import type { Commands, Ran } from "../delegated/commands.ts";
import type { Outcome } from "../engine.ts";
import { type CanonicalStatus, canEnable, patchStates, readStatus, unpatched } from "./output.ts";

const tool = "canonical-livepatch";
const status = question(tool, "status", "--format", "json");
const proStatus = question("pro", "status", "--format", "json");
const notEnabled = "it is not enabled";

/**
 * Canonical's Livepatch client. It applies what its server has for its kernel, one cumulative module in the place of the last; an
 * order has it look now. Its token is never seen here: one that is not enabled is enabled through Ubuntu Pro, where the host is
 * attached.
 * @see https://ubuntu.com/security/livepatch/docs/client/status and …/what-is-patch-cut-off ("you will need to reboot the machine")
 */
export function canonicalClient(commands: Commands): Client {
  const order = async (name: string, args: readonly string[]): Promise<Outcome> => {
    const ran = await commands.order(name, args);
    if (ran.late) return { code: "stalled", detail: `${name} is still at work`, evidence: {} };
    if (ran.code === 0) return { code: "applied", detail: `${name} did it`, evidence: { exit: 0 } };
    return { code: "failed", detail: wordsOf(name, ran), evidence: { exit: ran.code } };
  };
  return {
    engine: "canonical",
    questions: [status, proStatus],
    byHand:
      "Canonical's client takes nothing out of a running kernel: set its cutoff-date to before this patch, and reboot.",
    isAtWork: () => commands.isOrdering(),
    async read() {
      const ran = await commands.ask(status.tool, status.args);
      if (isDormant(ran)) return await dormantReading(commands);
      if (ran.code !== 0) return unusable(wordsOf(tool, ran));
      const said = readStatus(ran.stdout);
      return said === null ? unusable(`what ${tool} status prints is not understood`) : readingOf(said);
    },
    async bring() {
      if (isDormant(await commands.ask(status.tool, status.args))) {
        const enabled = await order("pro", ["enable", "livepatch", "--assume-yes"]);
        if (enabled.code !== "applied") return enabled;
      }
      return await order(tool, ["refresh"]);
    },
  };
}

/** In any other state the version that it tells is that of a module that is not in. */
const statesIn: readonly string[] = ["applied", "applied-with-bug", "kernel-upgrade-required"];
const isDormant = ({ stdout, stderr }: Ran) => /machine is not enabled/i.test(stderr + stdout);

async function dormantReading(commands: Commands): Promise<Reading> {
  const pro = commands.has("pro") ? await commands.ask(proStatus.tool, proStatus.args) : undefined;
  if (pro?.code !== 0 || !canEnable(pro.stdout))
    return unusable(`${notEnabled}: attach this host with pro attach, then pro enable livepatch`);
  const detail = `${notEnabled}; an order enables it through Ubuntu Pro`;
  return { ...unusable(detail), state: "not-applicable", unusable: "" };
}

function readingOf({ version, state: word, level, check, supported, upgradeBy }: CanonicalStatus): Reading {
  const known = patchStates[word];
  const base = { version, level: statesIn.includes(word) ? level : null, parts: [] };
  if (known === undefined) return unusable(`it says "${word.slice(0, 60)}", which is not understood`, base);
  const [state, meaning] = known;
  const uncovered = unpatched[supported ?? ""];
  const notes = [
    meaning,
    ...(check === "check-failed" ? ["its last check with its server failed"] : []),
    ...(upgradeBy === null ? [] : [`covered until ${upgradeBy}`]),
  ];
  const detail = notes.join("; ");
  if (uncovered !== undefined) return unusable(uncovered, { ...base, state });
  const isDue = supported === "kernel-upgrade-required" && state !== "failed";
  return {
    ...base,
    state: isDue ? "needs-reboot" : state,
    detail,
    unusable: "",
    busy: word === "applying" || word === "unapplied",
  };
}
