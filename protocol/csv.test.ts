import fc from "fast-check";
import { expect, it } from "vitest";
import { csvLine } from "./csv.ts";

const signs = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"];

it("text that a spreadsheet would read as a formula begins with an apostrophe, whatever stands before the sign", () => {
  const before = fc
    .array(fc.constantFrom(" ", "\t", "\r", "\n", "\v", "\u00a0", "\u202e", "\ufeff", "\x1b"), { maxLength: 4 })
    .map((each) => each.join(""));
  fc.assert(
    fc.property(before, fc.constantFrom(...signs), fc.string(), (space, sign, rest) => {
      expect(csvLine([`${space}${sign}${rest}`])).toMatch(/^"?'/);
    }),
  );
  for (const start of ["\t", "\r", "\n"]) expect(csvLine([`${start}1`])).toMatch(/^"?'/);
});

it("other text and numbers stay as they are, quoted where RFC 4180 says so", () => {
  expect(csvLine(["web-1.example", 'say "hi", you', "two\nlines", -3, ""])).toBe(
    'web-1.example,"say ""hi"", you","two\nlines",-3,',
  );
});

it("a control character never reaches a terminal that shows the file", () => {
  expect(csvLine(["a\x1b[31mred", "b\x00c"])).toBe("a\ufffd[31mred,b\ufffdc");
});
