import { symbolType } from "../../../protocol/elf/elf-file.ts";
import type { Target } from "./target.ts";

const executable = 4;

/** The functions of a target that call one of its functions directly, by name: what calls it through a pointer is not among them. */
export function callersOf({ file }: Pick<Target, "file">, address: number): string[] {
  const names = new Set<string>();
  for (const section of file.sections) {
    if (!section.allocated || (section.flags & executable) === 0) continue;
    const code = file.contentsOf(section);
    for (let at = 0; at + 5 <= code.length; at++) {
      // call or jmp near, and the address that it leads to
      if (code[at] !== 0xe8 && code[at] !== 0xe9) continue;
      const from = section.address + at;
      if (from + 5 + code.readInt32LE(at + 1) === address) names.add(functionAt(file.symbols, from) ?? "");
    }
  }
  names.delete("");
  return [...names];
}

function functionAt(symbols: Target["file"]["symbols"], at: number): string | null {
  for (let index = 0; index < symbols.size; index++) {
    const { name, type, address, size, defined } = symbols.at(index);
    if (type === symbolType.function && defined && at >= address && at < address + size) return name;
  }
  return null;
}
