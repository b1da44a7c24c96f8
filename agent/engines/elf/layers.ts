import { SutureError } from "../../../protocol/errors.ts";
import type { Mapping } from "../../system/proc.ts";
import { readPlacement } from "./header.ts";
import type { Placement } from "./journal.ts";
import type { Machine, Reader } from "./machine.ts";

/** What it takes to look at a process's jumps. */
export type View = { machine: Machine; memory: Reader; mappings: readonly Mapping[] };

/** More patches of one function than this are not followed. */
const maxLayers = 16;

/**
 * The patches that are stacked at a place, the uppermost first: each jump leads into a payload, whose memory says what it is and
 * which bytes it found. Ends at bytes that are no jump of ours: those of the file, or somebody else's.
 */
export function layersAt(view: View, at: number, size: number): { patches: Placement[]; bottom: Buffer } {
  const patches: Placement[] = [];
  let bottom = view.memory.read(at, size);
  while (patches.length < maxLayers) {
    const leadsTo = view.machine.decodeJump(bottom, at);
    const placement = leadsTo === null ? null : placementHolding(view, leadsTo);
    const now = bottom.toString("hex");
    const jump = placement?.jumps.find((each) => each.at === at && each.after === now);
    if (!placement || !jump) break;
    patches.push(placement);
    bottom = Buffer.from(jump.before, "hex");
  }
  return { patches, bottom };
}

/** The bytes at a function's entry, what they become without the patches that another takes the place of, and what stays beneath. */
export type Beneath = { now: Buffer; bytes: Buffer; patches: Placement[] };

/**
 * What is at a place without some patches. Throws `blocked` where a patch that stays is stacked on top of one of them.
 */
export function beneath(view: View, at: number, size: number, replaced: readonly Placement[]): Beneath {
  const now = view.memory.read(at, size);
  const { patches } = layersAt(view, at, size);
  const isReplaced = ({ base }: Placement) => replaced.some((each) => each.base === base);
  const kept = patches.findIndex((each) => !isReplaced(each));
  const [above, rest] = kept < 0 ? [patches, []] : [patches.slice(0, kept), patches.slice(kept)];
  const lower = rest.find(isReplaced);
  if (lower) {
    throw new SutureError("blocked", `${rest[0]?.patch} is stacked on top of ${lower.patch}: undo that one first`);
  }
  const jump = above.at(-1)?.jumps.find((each) => each.at === at);
  return { now, bytes: jump ? Buffer.from(jump.before, "hex") : now, patches: rest };
}

/** The payload that an address lies in, by the header at the start of its memory; null where it lies in none. */
function placementHolding({ memory, mappings }: View, address: number): Placement | null {
  let index = mappings.findIndex(({ start, end }) => address >= start && address < end);
  for (let next = address; index >= 0; index--) {
    const mapping = mappings[index];
    if (mapping?.isAnonymous !== true || mapping.end < next) return null;
    const placement = readPlacement(memory, mapping.start);
    if (placement) return address < placement.base + placement.size ? placement : null;
    next = mapping.start;
  }
  return null;
}
