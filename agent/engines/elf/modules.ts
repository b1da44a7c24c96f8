import { readFileSync, statSync } from "node:fs";
import { buildIdInNotes } from "../../../protocol/build-id.ts";
import { ElfFile, type SymbolTable, sectionType, segmentType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import { ifReadable, isSystemError, type Mapping, mappedFilePaths, readMappings } from "../../system/proc.ts";
import { debugDataOf } from "./debug-data.ts";
import type { Reader } from "./machine.ts";

/** An ELF file that a process runs code from. */
export type Module = {
  path: string;
  mappings: readonly Mapping[];
  /** The parsed file. Throws `unsupported`, `no-permission`. */
  file(): ElfFile;
  /** Every symbol that is known of it, as in .symtab. Throws likewise. */
  symbols(): SymbolTable;
  /** What is added to an address of the file to get one of the process. Throws `unsupported` where it is mapped twice. */
  bias(): number;
};

/** Programs and libraries larger than this are not read. */
const maxFileBytes = 1024 ** 3;
const maxNoteBytes = 65_536;
/** Real files have about three. */
const maxNotes = 64;

/** Parsed files by identity, so that a library that every process maps is read once. */
export type FileCache = Map<string, ElfFile>;

/** The modules of a process, in order of address, and all its mappings. Throws as `readMappings` does. */
export function readModules(
  pid: number,
  cache: FileCache,
): { mappings: readonly Mapping[]; modules: readonly Module[] } {
  const mappings = readMappings(pid);
  const byFile = Map.groupBy(
    mappings.filter((mapping) => !mapping.isAnonymous && mapping.path.startsWith("/")),
    (mapping) => `${mapping.file} ${mapping.path}`,
  );
  const modules = [...byFile.values()]
    .filter((parts) => parts.some(isCode))
    .map((parts): Module => {
      const [first] = parts;
      const file = () => openFile(pid, first, cache);
      const symbols = () => symbolsOf(pid, file(), cache);
      return { path: first?.path ?? "", mappings: parts, file, symbols, bias: () => biasOf(file(), parts) };
    });
  return { mappings, modules };
}

/** Whether the mapping holds code that can run. */
export function isCode(mapping: Mapping): boolean {
  return mapping.permissions[2] === "x";
}

/**
 * Whether what runs, whatever its file has become since, is the build that the file was found to be: by the build-id in memory.
 * A build without one is known by its file, through which the kernel maps it.
 */
export function runsBuild(module: Module, memory: Reader, build: string): boolean {
  const notes = module.file().segments.filter((segment) => segment.type === segmentType.note);
  for (const segment of notes.slice(0, maxNotes)) {
    if (segment.memorySize > maxNoteBytes) continue;
    const running = buildIdInNotes(memory.read(module.bias() + segment.address, segment.memorySize));
    if (running !== null) return running === build;
  }
  return buildIdIn(module.file()) === null;
}

/**
 * The symbols of a module: its file's or, where that was stripped, those of its debug file, which is found by the build-id in
 * the process's own root or in ours, or those that it carries within it.
 * @see https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
 */
function symbolsOf(pid: number, file: ElfFile, cache: FileCache): SymbolTable {
  if (!file.symbols.isEmpty) return file.symbols;
  const carried = () => debugDataOf(file)?.symbols ?? file.symbols;
  const buildId = buildIdIn(file);
  if (buildId === null) return carried();
  const path = `/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  for (const candidate of [`/proc/${pid}/root${path}`, path]) {
    const debug = ifReadable(() => readElf(candidate, cache));
    if (debug && buildIdIn(debug) === buildId) return debug.symbols;
  }
  return carried();
}

/** The build-id by a file's sections, which a debug file has too. */
function buildIdIn(file: ElfFile): string | null {
  const notes = file.sections.filter((section) => section.type === sectionType.note);
  for (const section of notes.slice(0, maxNotes)) {
    if (section.size > maxNoteBytes) continue;
    const found = buildIdInNotes(file.contentsOf(section));
    if (found !== null) return found;
  }
  return null;
}

/** Reads and parses a file, or takes it from the cache. Throws the system's errors, `unsupported`. */
function readElf(path: string, cache: FileCache): ElfFile {
  const { dev, ino, mtimeMs, size } = statSync(path);
  if (size > maxFileBytes) throw new SutureError("unsupported", `${path} is larger than 1 GiB`);
  const key = `${dev}:${ino}:${mtimeMs}:${size}`;
  const known = cache.get(key) ?? new ElfFile(readFileSync(path));
  cache.set(key, known);
  return known;
}

function openFile(pid: number, mapping: Mapping | undefined, cache: FileCache): ElfFile {
  let cause: unknown;
  for (const path of mapping ? mappedFilePaths(pid, mapping) : []) {
    try {
      return readElf(path, cache);
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "EPERM", "EACCES")) throw error;
      cause = error;
    }
  }
  throw new SutureError("no-permission", `the file of ${mapping?.path} cannot be read`, { cause });
}

function biasOf(file: ElfFile, mappings: readonly Mapping[]): number {
  const biases = new Set<number>();
  for (const mapping of mappings.filter(isCode)) {
    const segment = file.loaded.find((part) => part.executable && pageDown(part.offset) === mapping.offset);
    if (segment) biases.add(mapping.start - pageDown(segment.address));
  }
  const [bias, ...others] = biases;
  if (bias === undefined) throw new SutureError("unsupported", "the file's code is not mapped as its segments say");
  if (others.length > 0) throw new SutureError("unsupported", "the file is mapped more than once in the process");
  return bias;
}

function pageDown(value: number): number {
  return Math.floor(value / 4096) * 4096;
}
