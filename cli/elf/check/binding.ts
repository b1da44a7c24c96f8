import { createBinder } from "../../../protocol/elf/bind/binder.ts";
import {
  findFunction,
  jumpPlace,
  type NamedFunction,
  readSymbols,
  type Symbols,
} from "../../../protocol/elf/bind/functions.ts";
import { checkPayload, imageBytes, link, pageUp, payloadFunction } from "../../../protocol/elf/bind/link.ts";
import type { Program } from "../../../protocol/elf/bind/program.ts";
import { absoluteSection, type ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../../protocol/errors.ts";

/** A variant of a patch, as far as binding goes. */
export type CheckedVariant = { functions: readonly (NamedFunction & { replacement: string })[] };

/** What binding a payload to a target without a process came to. */
export type BindingReport = {
  /** the functions that are replaced, with their addresses and sizes in the target's file */
  functions: { name: string; address: string; size: number }[];
  /** names that only a running process or a host's debug file decides, with the reason */
  undecided: { name: string; reason: string }[];
  /** why every host would refuse it: a path within the variant, and the reason */
  issues: { path: string; reason: string }[];
};

/**
 * Binds a payload to a target by the very rules by which the agent binds it in a process (protocol/elf/bind), and tells what does not fit:
 * functions that are not there, too short or folded with others, names that nothing defines, a payload that cannot be linked.
 */
export function checkBinding({ functions }: CheckedVariant, payload: ElfFile, program: Program): BindingReport {
  const report: BindingReport = { functions: [], undecided: [], issues: [] };
  const attempt = (path: string, work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!isSutureError(error)) throw error;
      report.issues.push({ path, reason: error.message });
    }
  };
  const { processor, target } = program;
  attempt("payload", () => checkPayload(payload, processor));

  const symbols = readSymbols(target);
  const replaced = new Set(functions.map(({ name }) => name));
  for (const [at, named] of functions.entries()) {
    const path = `functions[${at}]`;
    attempt(`${path}.replacement`, () => payloadFunction(payload, named.replacement, 0));
    if (named.address === undefined && isWithoutSymbols(symbols, named.name)) {
      report.undecided.push({
        name: named.name,
        reason: "the target is stripped: a host needs its debug file, or the patch its address",
      });
      continue;
    }
    attempt(`${path}.name`, () => {
      const found = findFunction(symbols, named, replaced);
      jumpPlace(symbols, found, processor);
      const { name, address, size } = found;
      report.functions.push({ name, address: `0x${address.toString(16)}`, size });
    });
  }
  checkNames(payload, program, report, attempt);
  return report;
}

/** Looks up each name that the payload does not define, and links it beside the target where all of them have an address. */
function checkNames(
  payload: ElfFile,
  program: Program,
  report: BindingReport,
  attempt: (path: string, work: () => void) => void,
): void {
  const binder = createBinder(program, payload);
  const table = payload.dynamicSymbols;
  for (let index = 1; index < table.size; index++) {
    const symbol = table.at(index);
    if (symbol.name === "" || (symbol.defined && symbol.section !== absoluteSection)) continue;
    attempt("payload", () => {
      if (binder.outside(symbol) !== null || symbol.weak) return;
      report.issues.push({ path: "payload", reason: `nothing defines ${symbol.name}, which the payload uses` });
    });
  }
  report.undecided.push(...[...binder.undecided].map(([name, reason]) => ({ name, reason })));
  if (report.issues.length > 0) return;
  const end = Math.max(...program.target.file().loaded.map(({ address, memorySize }) => address + memorySize));
  attempt("payload", () => {
    imageBytes(payload);
    link(payload, program.target.bias() + pageUp(end), program.processor, binder.outside);
  });
}

/** Whether a target's symbols were taken out, so that it is not known whether it has a function. */
function isWithoutSymbols({ tables: [symbols, exported] }: Symbols, name: string): boolean {
  return symbols?.isEmpty === true && exported?.find(name.split("@")[0] ?? name).length === 0;
}
