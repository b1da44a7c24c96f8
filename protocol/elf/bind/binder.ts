import { absoluteSection, type ElfFile, type ElfSymbol } from "../elf-file.ts";
import { readVersions } from "../versions.ts";
import { readDynamicTable } from "./definitions.ts";
import { bindsItself, type Program, spelled, type Wanted } from "./program.ts";
import { createResolver } from "./resolve.ts";

/** Finds what a payload does not define. `undecided` names what only a running process could tell; it got a place in the target meanwhile. */
export type Binder = { outside: (symbol: ElfSymbol) => number | null; undecided: ReadonlyMap<string, string> };

/**
 * Finds, in a program, what a payload does not define: by name, or by an address in the target's file, which the build-id makes
 * certain and for which the payload has an absolute symbol. An absolute symbol that all may see and that the target exports under its name
 * is looked up, too: another module may define it in the target's place.
 */
export function createBinder(program: Program, payload: ElfFile): Binder {
  const { target } = program;
  const versions = readVersions(payload);
  const wantedOf = ({ name, version, weak, visibility }: ElfSymbol): Wanted => ({
    name,
    version: versions.get(version) ?? null,
    weak,
    hidden: visibility === 1 || visibility === 2,
  });
  const symbols = payload.dynamicSymbols;
  const all = Array.from({ length: symbols.size }, (_, index) => symbols.at(index));
  const outer = all.filter((symbol) => symbol.name !== "" && (!symbol.defined || symbol.section === absoluteSection));
  const resolve = createResolver(program, outer.map(wantedOf));
  const isOwn = bindsItself(program);
  const exported = readDynamicTable(target.file());

  const mayBeReplaced = ({ name, address, visibility }: ElfSymbol): boolean =>
    !isOwn &&
    visibility === 0 &&
    exported
      .named(name)
      .some(({ symbol }) => symbol.defined && !symbol.local && symbol.visibility === 0 && symbol.address === address);

  const known = new Map<string, number | null>();
  const undecided = new Map<string, string>();
  const find = (symbol: ElfSymbol): number | null => {
    if (symbol.section === absoluteSection && !mayBeReplaced(symbol)) return target.bias() + symbol.address;
    const wanted = wantedOf(symbol);
    const found = resolve(wanted);
    if (found.kind === "address") return found.address;
    if (found.kind === "nothing") return null;
    undecided.set(spelled(wanted), found.why);
    return target.bias();
  };
  return {
    undecided,
    outside(symbol) {
      const key = JSON.stringify([symbol.name, symbol.version, symbol.section, symbol.address, symbol.visibility]);
      const found = known.has(key) ? (known.get(key) ?? null) : find(symbol);
      known.set(key, found);
      return found;
    },
  };
}
