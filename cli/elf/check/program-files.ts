import { readSync } from "node:fs";
import { dirname, join } from "node:path";
import { x86_64Processor } from "../../../protocol/elf/bind/processor.ts";
import type { Module, Program } from "../../../protocol/elf/bind/program.ts";
import { readDynamic } from "../../../protocol/elf/dynamic.ts";
import { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../../protocol/errors.ts";
import { withRegularFile } from "../../regular-file.ts";

/** Where libraries lie on most systems (ld.so(8)). */
const usualFolders = [
  "/lib64",
  "/usr/lib64",
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib",
  "/usr/lib",
  "/usr/local/lib",
];
/** Libraries lie far apart in a process, and none lies near the target. */
const farApart = 2 ** 40;

/**
 * Makes a program of a target's file, for binding a payload without a process, and with the libraries that it needs as far as they are
 * found. The target may be gigabytes, so it is read as it is wanted, and only while `use` runs.
 *
 * @param folders where libraries are looked for first; null where none are looked for at all
 * Throws the system's errors, `invalid-request` for what is no regular file, `unsupported` for what is no ELF file.
 */
export async function withProgram<T>(
  path: string,
  folders: readonly string[] | null,
  use: (program: Program) => Promise<T> | T,
): Promise<T> {
  return withRegularFile(path, async (file) => {
    const { size } = await file.stat();
    return use(await programOf(path, file.fd, size, folders));
  });
}

async function programOf(path: string, fd: number, size: number, folders: readonly string[] | null): Promise<Program> {
  const file = new ElfFile({
    size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    },
  });
  const target = moduleOf(path, file, 0);
  const libraries = folders && (await readLibraries(target, [...folders, dirname(path), ...usualFolders]));
  const missing = folders === null && readDynamic(file).needed.length > 0 ? [null] : [];
  const loaded = libraries ?? missing;
  return {
    processor: x86_64Processor,
    target,
    modules: [target, ...loaded.filter((module) => module !== null)],
    isRunning: false,
    loadOrder: () => (readDynamic(file).isProgram ? [target, ...loaded] : null),
    read: () => null,
    isCode: () => false,
  };
}

/** All libraries that a module needs, and those need, in the dynamic linker's order; null for each that is not found. */
async function readLibraries(root: Module, folders: readonly string[]): Promise<(Module | null)[]> {
  const found = new Map<string, Module | null>();
  const open: Module[] = [root];
  for (const module of open) {
    for (const name of readDynamic(module.file()).needed) {
      if (found.has(name)) continue;
      const library = await readLibrary(name, folders, (found.size + 1) * farApart);
      found.set(name, library);
      if (library) open.push(library);
    }
  }
  return [...found.values()];
}

async function readLibrary(name: string, folders: readonly string[], bias: number): Promise<Module | null> {
  const paths = name.includes("/") ? [name] : folders.map((folder) => join(folder, name));
  for (const path of paths) {
    const bytes = await withRegularFile(path, (file) => file.readFile()).catch(() => null);
    if (!bytes) continue;
    try {
      return moduleOf(path, new ElfFile(bytes), bias);
    } catch (error) {
      // a linker script, or a library of another processor
      if (!isSutureError(error, "unsupported")) throw error;
    }
  }
  return null;
}

function moduleOf(path: string, file: ElfFile, bias: number): Module {
  return { path, file: () => file, symbols: () => file.symbols, bias: () => bias };
}
