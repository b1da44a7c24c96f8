import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";

/** SHA-256 over the executable memory of a process that is mapped from this file: its text, byte for byte. */
export async function textDigest(pid: number, binary: string): Promise<string> {
  const maps = (await readFile(`/proc/${pid}/maps`, "utf8")).split("\n");
  const memory = await open(`/proc/${pid}/mem`, "r");
  const hash = createHash("sha256");
  try {
    for (const line of maps) {
      const [, start = "", end = "", execute, path] =
        /^([0-9a-f]+)-([0-9a-f]+) ..(.). \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
      if (execute !== "x" || path !== binary) continue;
      const size = Number.parseInt(end, 16) - Number.parseInt(start, 16);
      const { buffer, bytesRead } = await memory.read(Buffer.alloc(size), 0, size, Number.parseInt(start, 16));
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await memory.close();
  }
  return hash.digest("hex");
}
