import { ByteReader, textAt } from "../../../protocol/elf/byte-reader.ts";
import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import type { Place } from "./forms.ts";
import type { SourcePlace } from "./names.ts";
import { type DebugSection, debugSection, debugSections } from "./sections.ts";

/** From this place in a section on, code is of this line. */
export type LineRow = SourcePlace & { at: number };

/** What the line tables of a file tell. */
export type LineTables = {
  /** by section, in order of the code */
  rows: ReadonlyMap<number, readonly LineRow[]>;
  /** the names of source files, by where a unit's table begins */
  files: ReadonlyMap<number, readonly string[]>;
};

const extended = { end: 1, setAddress: 2 };
const standard = { copy: 1, advance: 2, line: 3, file: 4, constant: 8, fixed: 9 };
const content = { path: 1, directory: 2 };

/**
 * Which source line each piece of code is from, by section and in order of the code (DWARF 5, 6.2). Empty where nothing tells or the
 * table cannot be read: lines make messages better, and whatever else they are used for then does not happen.
 */
export function readLines(path: string, file: ElfFile): LineTables {
  const tables: Tables = { rows: new Map(), files: new Map() };
  const [strings, lineStrings] = [".debug_str", ".debug_line_str"].map((name) => debugSection(path, file, name).bytes);
  if (!strings || !lineStrings) return tables;
  try {
    for (const section of debugSections(path, file, ".debug_line")) readSection(section, strings, lineStrings, tables);
  } catch (error) {
    if (error instanceof RangeError) return { rows: new Map(), files: new Map() };
    throw error;
  }
  for (const of of tables.rows.values()) of.sort((one, other) => one.at - other.at);
  return tables;
}

type Tables = { rows: Map<number, LineRow[]>; files: Map<number, string[]> };

/** The line that the code at a place is from; null where nothing tells. */
export function lineAt({ rows }: LineTables, { section, at }: Place): LineRow | null {
  let found: LineRow | null = null;
  for (const row of rows.get(section) ?? []) {
    if (row.at > at) break;
    // line 0 is code that no line is to blame for
    if (row.line !== 0) found = row;
  }
  return found;
}

function readSection(
  section: DebugSection,
  strings: Buffer,
  lineStrings: Buffer,
  { rows, files: known }: Tables,
): void {
  const reader = new ByteReader(section.bytes);
  while (reader.at < section.bytes.length) {
    const start = reader.at;
    const end = start + 4 + reader.number(4);
    if (end > section.bytes.length) throw new RangeError("a table past the end");
    const version = reader.number(2);
    if (version < 2 || version > 5) throw new RangeError("unknown version");
    if (version === 5) reader.skip(2);
    const program = reader.number(4) + reader.at;
    const unit = {
      least: reader.number(1),
      operations: version >= 4 ? reader.number(1) : 1,
      isStatement: reader.number(1),
      lineBase: signedByte(reader.number(1)),
      lineRange: reader.number(1),
      firstSpecial: reader.number(1),
    };
    const lengths = [0, ...Array.from({ length: unit.firstSpecial - 1 }, () => reader.number(1))];
    const files = version === 5 ? filesOf5(reader, strings, lineStrings) : filesOf4(reader);
    if (!known.has(start)) known.set(start, files);
    reader.at = program;
    if (unit.lineRange === 0) throw new RangeError("no lines");
    run(reader, end, section, { ...unit, lengths, files }, rows);
    reader.at = end;
  }
}

type Program = {
  least: number;
  lineBase: number;
  lineRange: number;
  firstSpecial: number;
  lengths: readonly number[];
  files: readonly string[];
};

/** Runs a line number program (DWARF 5, 6.2.5). */
function run(
  reader: ByteReader,
  end: number,
  { relocated }: DebugSection,
  { least, lineBase, lineRange, firstSpecial, lengths, files }: Program,
  rows: Map<number, LineRow[]>,
): void {
  let [section, at, file, line] = [0, 0, 1, 1];
  const emit = (as = line) => {
    const of = rows.get(section) ?? [];
    of.push({ at, file: files[file] ?? "?", line: as });
    rows.set(section, of);
  };
  while (reader.at < end) {
    const code = reader.number(1);
    if (code >= firstSpecial) {
      at += Math.floor((code - firstSpecial) / lineRange) * least;
      line += lineBase + ((code - firstSpecial) % lineRange);
      emit();
    } else if (code === 0) {
      const next = reader.leb() + reader.at;
      const kind = reader.number(1);
      if (kind === extended.setAddress) {
        const place = relocated(reader.at) ?? { section: 0, at: reader.number(8) };
        [section, at] = [place.section, place.at];
      } else if (kind === extended.end) {
        emit(0);
        [section, at, file, line] = [0, 0, 1, 1];
      }
      reader.at = next;
    } else if (code === standard.copy) emit();
    else if (code === standard.advance) at += reader.leb() * least;
    else if (code === standard.line) line += reader.leb(true);
    else if (code === standard.file) file = reader.leb();
    else if (code === standard.constant) at += Math.floor((255 - firstSpecial) / lineRange) * least;
    else if (code === standard.fixed) at += reader.number(2);
    else for (let operands = lengths[code] ?? 0; operands > 0; operands--) reader.leb();
  }
}

function filesOf4(reader: ByteReader): string[] {
  while (reader.text() !== "");
  const files = [""];
  for (let name = reader.text(); name !== ""; name = reader.text()) {
    files.push(name);
    for (let rest = 0; rest < 3; rest++) reader.leb();
  }
  return files;
}

function filesOf5(reader: ByteReader, strings: Buffer, lineStrings: Buffer): string[] {
  const table = (): string[] => {
    const format = Array.from({ length: reader.number(1) }, () => [reader.leb(), reader.leb()] as const);
    return Array.from({ length: reader.leb() }, () => {
      let name = "";
      for (const [kind, form] of format) {
        const value = fieldOf(reader, form, strings, lineStrings);
        if (kind === content.path && typeof value === "string") name = value;
      }
      return name;
    });
  };
  table();
  return table();
}

function fieldOf(reader: ByteReader, form: number, strings: Buffer, lineStrings: Buffer): string | number {
  if (form === 0x08) return reader.text();
  if (form === 0x0e) return textAt(strings, reader.number(4));
  if (form === 0x1f) return textAt(lineStrings, reader.number(4));
  if (form === 0x0b) return reader.number(1);
  if (form === 0x05) return reader.number(2);
  if (form === 0x0f) return reader.leb();
  if (form === 0x1e) return reader.skip(16) ?? 0;
  throw new RangeError(`form ${form}`);
}

function signedByte(value: number): number {
  return value > 127 ? value - 256 : value;
}
