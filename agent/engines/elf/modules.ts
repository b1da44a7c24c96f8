import { buildIdInNotes } from "../../../protocol/build-id.ts";
import { type ElfFile, type SymbolTable, sectionType, segmentType } from "../../../protocol/elf/elf-file.ts";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { withFileBeneathRoot, withMappedFile } from "../../system/foreign-file.ts";
import { type Mapping, readMappings } from "../../system/mappings.ts";
import { ifReadable, isSystemError } from "../../system/system-errors.ts";
import { debugDataOf } from "./debug-data.ts";
import type { FileCache, OpenFile } from "./file-cache.ts";
import { fileOf, filesWithoutCode, isCode, isOfFile, placeOf } from "./image.ts";
import type { Reader } from "./machine.ts";

export type { FileCache } from "./file-cache.ts";
export { isCode } from "./image.ts";

/** An ELF file that a process runs code from. */
export type Module = {
  path: string;
  /** those of the file, and those of its code where that lies on other memory */
  mappings: readonly Mapping[];
  /** whether its code lies on other memory than its file's, so that nothing yet says that it is the file's */
  isMoved: boolean;
  /** The parsed file. Throws `unsupported`, `no-permission`. */
  file(): ElfFile;
  /** Every symbol that is known of it, as in .symtab. Throws likewise. */
  symbols(): SymbolTable;
  /** What is added to an address of the file to get one of the process. Throws `unsupported` where it is mapped twice. */
  bias(): number;
};

/** More modules than this are not looked into; real processes have a few hundred at most. */
const maxModules = 4096;
const maxNoteBytes = 65_536;
/** Real files have about three. */
const maxNotes = 64;

/**
 * The modules of a process, in order of address, and all its mappings. Throws as `readMappings` does, and `unsupported` where there are
 * more than is reasonable.
 */
export function readModules(
  pid: number,
  cache: FileCache,
): { mappings: readonly Mapping[]; modules: readonly Module[] } {
  cache.begin();
  const mappings = readMappings(pid);
  const code = mappings.filter(isCode);
  const byFile = Map.groupBy(mappings.filter(isOfFile), fileOf);
  const groups = [...byFile.values()].filter((parts) => parts.some(isCode));
  if (groups.length > maxModules) {
    throw new SutureError("unsupported", `process ${pid} runs code of more than ${maxModules} files`);
  }
  const modules = groups.map((parts) => moduleOf(pid, cache, parts, code));
  const moved = movedModules(pid, cache, mappings);
  return { mappings, modules: [...modules, ...moved].sort((one, other) => startOf(one) - startOf(other)) };
}

/** Those of a process's modules whose code lies on other memory than their files'. */
export function movedModules(pid: number, cache: FileCache, mappings: readonly Mapping[]): Module[] {
  const code = mappings.filter(isCode);
  return filesWithoutCode(mappings).flatMap((parts) => movedModuleOf(pid, cache, parts, code));
}

function moduleOf(pid: number, cache: FileCache, parts: readonly Mapping[], code: readonly Mapping[]): Module {
  const [first] = parts;
  const file = () => openFile(pid, first, cache);
  const symbols = () => symbolsOf(pid, file(), cache);
  let known: number | undefined;
  const bias = () => {
    known ??= placeOf(file().loaded, parts, code).bias;
    return known;
  };
  return { path: first?.path ?? "", mappings: parts, isMoved: false, file, symbols, bias };
}

/** The module whose code lies on other memory than the file's; none where the file is something else than a program. */
function movedModuleOf(
  pid: number,
  cache: FileCache,
  parts: readonly Mapping[],
  code: readonly Mapping[],
): readonly Module[] {
  const module = moduleOf(pid, cache, parts, code);
  try {
    const place = placeOf(module.file().loaded, parts, code);
    return [{ ...module, mappings: [...parts, ...place.code], isMoved: true }];
  } catch (error) {
    if (isSutureError(error, "unsupported") || isSutureError(error, "no-permission")) return [];
    throw error;
  }
}

function startOf({ mappings }: Module): number {
  return mappings[0]?.start ?? 0;
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
  for (const root of [pid, process.pid]) {
    const symbols = ifFit(() => {
      const debug = cache.file((use) => withFileBeneathRoot(root, path, use));
      return buildIdIn(debug) === buildId ? debug.symbols : undefined;
    });
    if (symbols) return symbols;
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

/** What `read` gives; undefined where the file is not there, is not ours to read, or is no file of that kind. */
function ifFit<T>(read: () => T): T | undefined {
  try {
    return ifReadable(read);
  } catch (error) {
    // whoever made the process's root can have put anything there
    if (isSutureError(error, "unsupported") || isSystemError(error, ...wayward)) return undefined;
    throw error;
  }
}

/** How the system refuses paths that lead nowhere. */
const wayward = ["ELOOP", "ENOTDIR", "ENAMETOOLONG", "EIO", "EXDEV", "EAGAIN"];

function openFile(pid: number, mapping: Mapping | undefined, cache: FileCache): ElfFile {
  if (mapping === undefined) throw new SutureError("no-permission", "no file is mapped");
  const open: OpenFile = (use) => withMappedFile(pid, mapping, use);
  try {
    return cache.file(open);
  } catch (cause) {
    if (!isSystemError(cause, "ENOENT", "EPERM", "EACCES", ...wayward)) throw cause;
    throw new SutureError("no-permission", `the file of ${mapping.path} cannot be read`, { cause });
  }
}
