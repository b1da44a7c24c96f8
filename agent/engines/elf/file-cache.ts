import type { ByteSource } from "../../../protocol/elf/byte-source.ts";
import { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { ForeignFile } from "../../system/foreign-file.ts";

/** Opens a file that another user may have made; it may be gone, or another one, at the next time. */
export type OpenFile = <T>(use: (file: ForeignFile) => T) => T;

/**
 * The ELF files of processes, of which as much is in memory as is wanted: whatever processes map, this agent's memory stays bounded.
 * No file stays open, or its file system could not be unmounted.
 */
export type FileCache = {
  /** The file that is opened, parsed. Throws the system's errors, `unsupported`. */
  file(open: OpenFile): ElfFile;
  /** Begins with another process: each may have a certain amount read. */
  begin(): void;
};

const mebibyte = 1024 * 1024;
/**
 * Bytes: a table of symbols is read as a whole, and real ones of more than this are rare; what is kept for later; what the headers of the
 * files that are kept may take; what is read for one process at a time, what was kept not counted.
 */
const bounds = { read: 64 * mebibyte, kept: 96 * mebibyte, headers: 16 * mebibyte, process: 1024 * mebibyte };
/** What an entry of a header costs in memory, about. */
const entryBytes = 256;
const blockBytes = 64 * 1024;
/** What a piece takes beside its bytes, about. */
const pieceBytes = 512;
/** After this long without use all is forgotten; milliseconds. */
const keptFor = 60_000;

type Known = { elf: ElfFile; open: OpenFile };

/** A cache with nothing in it. */
export function createFileCache(): FileCache {
  const files = new Map<string, Known>();
  const pieces = new Map<string, Buffer>();
  let [headers, kept, read] = [0, 0, 0];
  const forget = () => {
    files.clear();
    pieces.clear();
    [headers, kept] = [0, 0];
  };
  const timer = setTimeout(forget, keptFor).unref();

  const keep = (key: string, piece: Buffer) => {
    kept += piece.length + pieceBytes;
    for (const [oldest, bytes] of pieces) {
      if (kept <= bounds.kept) break;
      pieces.delete(oldest);
      kept -= bytes.length + pieceBytes;
    }
    pieces.set(key, piece);
  };
  /** What is small is read with what lies around it: the tables by which calls are found are read entry by entry. */
  const rangeOf = (identity: string, open: OpenFile, all: number, offset: number, size: number): Buffer => {
    const start = offset - (offset % blockBytes);
    const isWithin = offset + size <= start + blockBytes;
    if (!isWithin) return pieceOf(identity, open, offset, size);
    const block = pieceOf(identity, open, start, Math.min(blockBytes, all - start));
    return block.subarray(offset - start, offset - start + size);
  };
  const pieceOf = (identity: string, open: OpenFile, offset: number, size: number): Buffer => {
    const key = `${identity} ${offset} ${size}`;
    const known = pieces.get(key);
    if (known) {
      // the one that was used last is dropped last
      pieces.delete(key);
      pieces.set(key, known);
      return known;
    }
    if (size > bounds.read) throw tooLarge("a table of a file is larger than 64 MiB");
    read += size;
    if (read > bounds.process) throw tooLarge("more than 1 GiB of the process's files would have to be read");
    const piece = open((file) => {
      if (file.identity !== identity) throw tooLarge("a file was changed while it was read");
      return file.read(Buffer.alloc(size), offset, size);
    });
    if (piece.length < size) throw tooLarge("a file was cut off while it was read");
    keep(key, piece);
    return piece;
  };

  return {
    begin() {
      read = 0;
    },
    file: (open) =>
      open(({ identity, size }) => {
        timer.refresh();
        const known = files.get(identity);
        if (known) {
          known.open = open;
          return known.elf;
        }
        const source: ByteSource = {
          size,
          read: (offset, length) => rangeOf(identity, files.get(identity)?.open ?? open, size, offset, length),
        };
        const elf = new ElfFile(source);
        headers += entryBytes * (elf.segments.length + elf.sections.length);
        for (const [oldest, { elf: parsed }] of files) {
          if (headers <= bounds.headers) break;
          files.delete(oldest);
          headers -= entryBytes * (parsed.segments.length + parsed.sections.length);
        }
        files.set(identity, { elf, open });
        return elf;
      }),
  };
}

function tooLarge(why: string): SutureError {
  return new SutureError("unsupported", why);
}
