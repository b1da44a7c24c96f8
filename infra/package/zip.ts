import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";

/** FAT's own notation, which zip has: two-second steps since 1980, no time zone. */
function dosTime(epoch: number): { time: number; date: number } {
  const at = new Date(Math.max(epoch, Date.UTC(1980, 0, 1) / 1000) * 1000);
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  };
}

const local = 0x0403_4b50;
const central = 0x0201_4b50;
const end = 0x0605_4b50;
const version = 20;
const deflate = 8;
/** Names are UTF-8: bit 11. */
const utf8Names = 1 << 11;

/**
 * A folder as a zip, the same bytes each time: names sorted, every file of one time. Files are well under 4 GiB and 65,535.
 * @param epoch seconds since the epoch
 * @see PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.4
 */
export async function zipFolder(folder: string, epoch: number): Promise<Buffer> {
  const { time, date } = dosTime(epoch);
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const file of names) {
    const bytes = await readFile(join(folder, file));
    const packed = deflateRawSync(bytes, { level: 9 });
    const name = Buffer.from(file);
    const shared = words([2, version], [2, utf8Names], [2, deflate], [2, time], [2, date], [4, crc32(bytes)]);
    const sizes = words([4, packed.length], [4, bytes.length], [2, name.length], [2, 0]);
    const entry = Buffer.concat([words([4, local]), shared, sizes, name, packed]);
    const rest = words([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]);
    directory.push(words([4, central], [2, version]), shared, sizes, rest, name);
    parts.push(entry);
    offset += entry.length;
  }
  const list = Buffer.concat(directory);
  const count = names.length;
  const tail = words([4, end], [2, 0], [2, 0], [2, count], [2, count], [4, list.length], [4, offset], [2, 0]);
  return Buffer.concat([...parts, list, tail]);
}

/** Little-endian numbers of 2 or 4 bytes, one after the other. */
function words(...fields: readonly (readonly [size: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntLE(value, 0, size);
      return bytes;
    }),
  );
}
