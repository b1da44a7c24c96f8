import { SutureError } from "../../../protocol/errors.ts";
import { layersAt, type View } from "./layers.ts";
import type { Module } from "./modules.ts";

const pieceBytes = 64 * 1024;

/**
 * Makes sure that code which lies on other memory than its file's is what the file has, but for jumps of ours: a program that moved its code
 * may have put anything there, and the patch was made for the file's. Throws `unsupported` with the first address where it is not.
 */
export function expectCodeOfFile(view: View, module: Module): void {
  const file = module.file();
  for (const { address, fileSize } of file.loaded.filter(({ executable }) => executable)) {
    for (let done = 0; done < fileSize; done += pieceBytes) {
      const size = Math.min(pieceBytes, fileSize - done);
      const wanted = file.bytesAt(address + done, size);
      const start = module.bias() + address + done;
      const found = view.memory.read(start, size);
      if (wanted?.equals(found)) continue;
      const at = wanted ? firstStrange(view, wanted, found, start) : start;
      if (at === null) continue;
      throw new SutureError(
        "unsupported",
        `the program has put its code on memory of its own, and at 0x${at.toString(16)} it is not what ${module.path} has`,
      );
    }
  }
}

/** The first address at which other bytes are found than are wanted, and no jump of ours is why; null where there is none. */
function firstStrange(view: View, wanted: Buffer, found: Buffer, start: number): number | null {
  const { jumpBytes } = view.machine;
  for (let index = 0; index < wanted.length; index++) {
    if (wanted[index] === found[index]) continue;
    const places = Array.from({ length: jumpBytes }, (_, back) => start + index - back);
    const jump = places.find((at) => layersAt(view, at, jumpBytes).patches.length > 0);
    if (jump === undefined) return start + index;
    index = jump + jumpBytes - 1 - start;
  }
  return null;
}
