import {
  type Client,
  type Question,
  question,
  type Reading,
  unusable,
  updatesIn,
  wordsOf,
} from "../delegated/client.ts";
import type { Commands, Ran } from "../delegated/commands.ts";
import type { Outcome } from "../engine.ts";
import { isLocked, readFailure, readShown } from "./output.ts";

/** How one of Oracle's two clients is called. */
type Dialect = {
  show: Question;
  available: Question;
  version: Question;
  upgrade: Call;
  remove: (ids: readonly string[]) => Call;
};
type Call = readonly [tool: string, ...args: string[]];

const uptrack: Dialect = {
  show: question("uptrack-show"),
  available: question("uptrack-show", "--available"),
  version: question("uptrack-show", "--version"),
  upgrade: ["uptrack-upgrade", "-y"],
  remove: (ids) => ["uptrack-remove", "-y", ...ids],
};
const enhanced: Dialect = {
  show: question("ksplice", "kernel", "show"),
  available: question("ksplice", "kernel", "show", "--available"),
  version: question("ksplice", "--version"),
  upgrade: ["ksplice", "-y", "kernel", "upgrade"],
  remove: (ids) => ["ksplice", "-y", "kernel", "remove", ...ids],
};

/**
 * Oracle's Ksplice, by its Uptrack client or its enhanced one. Reading needs no network: what is available is what the client found
 * at its own last check. An order installs all that there is: only the offline client can stop at a level. What came in is removed
 * by its ids.
 * @see Oracle Linux Ksplice User's Guide (F61410), "Using Uptrack Commands to Manage Ksplice Updates"; uptrack(8)
 */
export function kspliceClient(commands: Commands): Client {
  const dialect = commands.has("uptrack-show") ? uptrack : enhanced;
  const ask = ({ tool, args }: Question) => commands.ask(tool, args);
  const order = async ([tool, ...args]: Call, done: "applied" | "undone"): Promise<Outcome> => {
    const ran = await commands.order(tool, args);
    const said = { exit: ran.code, words: wordsOf(tool, ran) };
    if (ran.late) return { code: "stalled", detail: `${tool} is still at work`, evidence: said };
    if (ran.code === 0) return { code: done, detail: `${tool} did it`, evidence: { exit: 0 } };
    const failure = readFailure(ran.code, `${ran.stdout}\n${ran.stderr}`);
    return { ...failure, evidence: { ...said, ...failure.evidence } };
  };
  return {
    engine: "ksplice",
    questions: [dialect.show, dialect.available, dialect.version],
    byHand: "Remove it with uptrack-remove.",
    isAtWork: () => commands.isOrdering(),
    async read() {
      const installed = await ask(dialect.show);
      if (installed.code !== 0) return silentReading(dialect.show.tool, installed);
      const { stdout } = await ask(dialect.version);
      return readingOf(installed.stdout, (await ask(dialect.available)).stdout, stdout.trim() || null);
    },
    bring: () => order(dialect.upgrade, "applied"),
    takeBack: (ids) => order(dialect.remove(ids), "undone"),
  };
}

function silentReading(tool: string, ran: Ran): Reading {
  const text = `${ran.stdout}\n${ran.stderr}`;
  if (isLocked(text)) return { ...unusable("the client is at work"), state: "blocked", unusable: "", busy: true };
  const { code, detail } = readFailure(ran.code, text);
  return ran.late || code === "failed" ? unusable(wordsOf(tool, ran)) : unusable(detail);
}

/** @param available what the client found at its last check; anything else where it found nothing yet */
function readingOf(installed: string, available: string, version: string | null): Reading {
  const shown = readShown(installed);
  if (shown?.installed == null || shown.effective === null)
    return unusable("what uptrack-show prints is not understood", { version });
  const waiting = readShown(available)?.available ?? null;
  const count = updatesIn(shown.installed.length);
  const state = waiting === null || waiting.length === 0 ? "applied" : "blocked";
  const rest = waiting === null ? "it has not looked for more yet" : `available: ${waiting.length} more`;
  return {
    version,
    level: shown.effective,
    state,
    detail: `${count}, ${rest}`,
    unusable: "",
    busy: false,
    parts: shown.installed.map(({ id }) => id),
  };
}
