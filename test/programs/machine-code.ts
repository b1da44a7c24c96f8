import { execFileSync } from "node:child_process";

/** A place in a function's code that holds the distance to something outside of it. */
export type OutwardReference = {
  /** of the four bytes of the distance, from the beginning of the function */
  at: number;
  /** what the distance is counted from, likewise: the end of its instruction */
  from: number;
  /** address in the file that it leads to */
  to: number;
};

const disassembler = "objdump";
const branch = /^(?:(?:bnd|notrack|data16|rex\.W|cs|ds)\s+)*(?:call|jmp|j[a-z]+|loop[a-z]*)q?\s+(?:0x)?([0-9a-f]+)\b/;
const relative = /\(%rip\).*#\s*(?:0x)?([0-9a-f]+)/;
/** They look where they are, or cannot be told apart from data. */
const unmovable = /\(bad\)|\bxbegin\b|\brdpkru\b/;

/**
 * Finds all that has to be adjusted where a function's code is copied to another place: every distance from it to something outside.
 * Jumps within it stay as they are; those through a table of the file end in the function's first copy, which does the same.
 *
 * @param path the ELF file
 * @param start address of the function in the file
 * @param code its bytes
 * @returns null where the code cannot be moved, such as a short jump out of it
 * @see Intel SDM 2, 2.2.1.6, RIP-relative addressing; objdump(1)
 */
export function outwardReferences(path: string, start: number, code: Buffer): OutwardReference[] | null {
  const range = [`--start-address=${start}`, `--stop-address=${start + code.length}`];
  const text = execFileSync(disassembler, ["-d", "--insn-width=16", ...range, path], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  const lines = [...text.matchAll(/^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/gm)].map(
    ([, address = "", instruction = ""]) => ({
      at: Number.parseInt(address, 16) - start,
      instruction,
    }),
  );
  if (lines.length === 0) return null;
  const found: OutwardReference[] = [];
  for (const [index, { at, instruction }] of lines.entries()) {
    const end = lines[index + 1]?.at ?? code.length;
    if (unmovable.test(instruction)) return null;
    const target = (branch.exec(instruction) ?? relative.exec(instruction))?.[1];
    if (target === undefined) continue;
    const to = Number.parseInt(target, 16);
    if (to >= start && to < start + code.length) continue;
    // a distance of four bytes, behind which an instruction may have one, two or four more
    const places = [4, 5, 6, 8].map((back) => end - back);
    const place = places.find((each) => each > at && start + end + code.readInt32LE(each) === to);
    if (place === undefined) return null;
    found.push({ at: place, from: end, to });
  }
  return found;
}
