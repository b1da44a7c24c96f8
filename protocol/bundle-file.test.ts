import fc from "fast-check";
import { expect, it } from "vitest";
import { blobName, readTarHeader, tarBlock, tarHeader, tarPadding } from "./bundle-file.ts";
import { isSutureError } from "./errors.ts";

it("a header says what was written into it, whatever the size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 }), (size) => {
      const name = blobName("ab".repeat(32));
      expect(readTarHeader(tarHeader(name, size))).toEqual({ name, size });
      expect((size + tarPadding(size)) % tarBlock).toBe(0);
    }),
  );
  expect(readTarHeader(Buffer.alloc(tarBlock))).toBeUndefined();
});

it("a block that is not a plain file's header is refused, whatever it holds", () => {
  fc.assert(
    fc.property(fc.nat({ max: tarBlock - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const header = tarHeader("index.json", 77);
      header[at] = ((header[at] ?? 0) + change) % 256;
      try {
        // A changed checksum field may read the same; all else must not pass for what was written
        expect(readTarHeader(header)).toEqual({ name: "index.json", size: 77 });
        expect(at).toBeGreaterThanOrEqual(148);
      } catch (error) {
        if (!isSutureError(error, "invalid-request")) throw error;
      }
    }),
  );
});
