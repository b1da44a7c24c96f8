import { gzipSync } from "node:zlib";
import { tarBlock, tarHeader, tarPadding } from "../../protocol/bundle-file.ts";

/** A gzipped tar archive of these texts, by their names. */
export function archiveOf(files: ReadonlyMap<string, string>): Uint8Array {
  const parts = [...files].flatMap(([name, text]) => {
    const bytes = Buffer.from(text);
    return [tarHeader(name, bytes.length), bytes, Buffer.alloc(tarPadding(bytes.length))];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * tarBlock)]));
}
