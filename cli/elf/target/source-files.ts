import type { ElfFile, ElfSymbol } from "../../../protocol/elf/elf-file.ts";

/** Which source file a local symbol is from, by the symbol table, which has a file's name before its local symbols; else empty. */
export function sourceFiles({ symbols }: ElfFile): (symbol: ElfSymbol) => string {
  const fileOf = new Map<string, string>();
  let current = "";
  for (let index = 0; index < symbols.size; index++) {
    const symbol = symbols.at(index);
    if (symbol.type === symbolTypeOfFile) current = symbol.name;
    else if (symbol.local) fileOf.set(`${symbol.name} ${symbol.address}`, current);
  }
  return ({ name, address }) => fileOf.get(`${name} ${address}`) ?? "";
}

/** How many source files of a name a symbol table tells of: two of one name in two folders cannot be told apart by it. */
export function countSourceFiles({ symbols }: ElfFile, name: string): number {
  let count = 0;
  for (let index = 0; index < symbols.size; index++) {
    const symbol = symbols.at(index);
    if (symbol.type === symbolTypeOfFile && symbol.name === name) count++;
  }
  return count;
}

const symbolTypeOfFile = 4;
