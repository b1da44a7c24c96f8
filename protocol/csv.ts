/**
 * One line of comma-separated values (RFC 4180), without its line end. Text that a spreadsheet would read as a formula is quoted
 * with an apostrophe; control characters that a terminal would obey are replaced. Numbers stay as they are.
 *
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvLine(values: readonly (string | number)[]): string {
  return values.map((value) => (typeof value === "number" ? String(value) : field(value))).join(",");
}

/**
 * What a spreadsheet takes for the beginning of a formula, full-width forms included. Spreadsheets skip white space and invisible
 * characters (controls, byte-order marks, direction marks) before it, and some take a leading tab or line end for one by itself.
 */
const formula = /^(?:[\t\r\n]|[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20])/u;
/** All control characters but tab, line feed and carriage return, which a quoted field may hold. */
const terminalControls = /(?![\t\r\n])\p{Cc}/gu;

function field(value: string): string {
  const shown = value.replace(terminalControls, "\ufffd");
  const text = formula.test(value) ? `'${shown}` : shown;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
