import { ElfFile, type Section, sectionType } from "../../../protocol/elf/elf-file.ts";
import type { NamedFile } from "./pairs.ts";

/**
 * Whether two object files are alike in all that is loaded, so that neither need be understood: files of two folders differ in their
 * debugging information alone, and one that was written in assembler has several functions in a section.
 */
export function isSameProgram(before: NamedFile, after: NamedFile): boolean {
  const [one, other] = [loadedParts(before), loadedParts(after)];
  return one.length === other.length && one.every((part, at) => part.equals(other[at] ?? Buffer.alloc(0)));
}

const loaded = 2;

function loadedParts({ bytes }: NamedFile): Buffer[] {
  const file = new ElfFile(bytes);
  const isLoaded = (section: Section | undefined) => section !== undefined && (section.flags & loaded) !== 0;
  const parts: Buffer[] = [];
  for (const section of file.sections) {
    const name = Buffer.from(
      `${file.nameOf(section)} ${section.flags} ${section.size} ${section.align} ${section.entrySize}`,
    );
    // code for the linker's own optimisation is in sections that are not loaded
    if (name.toString().startsWith(".gnu.lto_")) parts.push(name, file.contentsOf(section));
    if (isLoaded(section)) parts.push(name, file.contentsOf(section));
    if (section.type !== sectionType.relocations || !isLoaded(file.sections[section.info])) continue;
    for (const { address, type, symbol, addend } of file.relocationsIn(section)) {
      const to = file.symbols.at(symbol);
      const of = file.sections[to.section];
      const place = of && isLoaded(of) ? file.nameOf(of) : to.section;
      parts.push(Buffer.from(`${address} ${type} ${addend} ${to.name} ${to.type} ${to.weak} ${to.address} ${place}`));
    }
  }
  return parts;
}
