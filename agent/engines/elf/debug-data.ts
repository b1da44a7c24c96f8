import { spawnSync } from "node:child_process";
import { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";

const maxBytes = 32 * 1024 * 1024;
const maxMillis = 5_000;
/** `nobody` and `nogroup`, everywhere: what a target's file holds is its owner's word, and we may be root. */
const nobody = 65_534;
const decompressor = "xz";
/** The last ones that were unpacked: they stay in memory as a whole. */
const known = new Map<ElfFile, ElfFile>();
const maxKnown = 2;

/**
 * The small debug file that a stripped program carries within it for its functions' names (.gnu_debugdata); null where it has none. The
 * names that it exports are not repeated there. Throws `unsupported` where it cannot be unpacked, which takes xz(1).
 *
 * @see https://sourceware.org/gdb/current/onlinedocs/gdb.html/MiniDebugInfo.html
 */
export function debugDataOf(file: ElfFile): ElfFile | null {
  const section = file.sections.find((each) => file.nameOf(each) === ".gnu_debugdata");
  if (!section) return null;
  const unpacked = known.get(file) ?? new ElfFile(unpack(file.contentsOf(section)));
  known.delete(file);
  known.set(file, unpacked);
  const [oldest] = known.keys();
  if (known.size > maxKnown && oldest) known.delete(oldest);
  return unpacked;
}

function unpack(packed: Buffer): Buffer {
  const { error, status, stdout, stderr } = spawnSync(
    decompressor,
    ["--decompress", "--stdout", "--memlimit-decompress=128MiB"],
    {
      input: packed,
      maxBuffer: maxBytes,
      timeout: maxMillis,
      killSignal: "SIGKILL",
      env: {},
      cwd: "/",
      ...(process.getuid?.() === 0 && { uid: nobody, gid: nobody }),
    },
  );
  if (error === undefined && status === 0) return stdout;
  const why = error?.message ?? stderr.toString("utf8").trim().slice(0, 200);
  throw new SutureError("unsupported", `the program's symbols are packed with xz and cannot be unpacked: ${why}`, {
    cause: error,
  });
}
