import { describeError, isSutureError } from "../../protocol/errors.ts";
import { type Refusals as Kept, Refusal, refusedThing } from "../../protocol/wire/refusal.ts";
import type { JsonFile } from "../state/json-file.ts";
import type { Clock } from "../system/clock.ts";

/** One that goes on is written, and told to the service, so often at most; seconds. */
const notedEvery = 3_600;
/** Metadata that nobody reads any more is neither verified nor refused: after so long it counts as over; seconds. */
const openFor = 86_400;
const keptFor = 7 * 86_400;
const mostKept = 8;

type Refused = Pick<Refusal, "of" | "name">;

/** What this host refused as a whole, for its check-ins and whoever asks here. */
export type Refusals = {
  /** Notes that something was refused. That the other side cannot be reached, or any other error, is no refusal. */
  note(refused: Refused, error: unknown): void;
  /** Notes that a repository's metadata was verified. */
  verified(repository: string): void;
  /** Begins a round: what earlier ones met does not count for it. */
  begin(): void;
  /** Ends a round in which a plan was verified: what was not refused in it is over. */
  settle(): void;
  all(): Kept;
};

/** The refusals that a file keeps. */
export function refusalsIn(file: JsonFile<Kept>, clock: Clock): Refusals {
  const [noted, verified] = [new Set<string>(), new Set<string>()];
  const now = () => Math.floor(clock.now() / 1000);
  const all = () => file.read() ?? [];
  return {
    all,
    note(refused, error) {
      const { data: code } = Refusal.shape.code.safeParse(isSutureError(error) ? error.code : undefined);
      if (code === undefined) return;
      noted.add(keyOf(refused));
      const same = (each: Refusal) => keyOf(each) === keyOf(refused) && each.code === code;
      const known = all().find(same);
      const last = now();
      if (known !== undefined && known.over === undefined && Math.abs(last - known.last) < notedEvery) return;
      const detail = describeError(error).slice(0, 500);
      const next = { of: refused.of, name: refused.name.slice(0, 64), code, detail, since: known?.since ?? last, last };
      file.write([next, ...all().filter((each) => !same(each))].slice(0, mostKept));
    },
    verified(repository) {
      verified.add(repository);
    },
    begin() {
      noted.clear();
      verified.clear();
    },
    settle() {
      const time = now();
      const isOver = (each: Refusal) =>
        !noted.has(keyOf(each)) && (each.of !== "metadata" || verified.has(each.name) || time - each.last >= openFor);
      const known = all();
      const next = known
        .filter(({ last }) => time - last < keptFor)
        .map((each) => (each.over === undefined && isOver(each) ? { ...each, over: time } : each));
      if (next.length !== known.length || next.some((each, index) => each !== known[index])) file.write(next);
    },
  };
}

function keyOf({ of, name }: Refused): string {
  return `${of} ${name}`;
}

/** One that goes on, or is over, for a person. */
export function refusalLine(refusal: Refusal): string {
  const { code, detail, since, last, over } = refusal;
  const until = over === undefined ? `STILL, last at ${instantOf(last)}` : `over since ${instantOf(over)}`;
  return `${refusedThing(refusal)} since ${instantOf(since)}, ${until} (${code}): ${detail}`;
}

function instantOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
