/** Lines of comma-separated values (RFC 4180), the heads first. What a spreadsheet would take for a formula begins with an apostrophe. */
export function csv(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [heads, ...rows].map((row) => row.map(field).join(","));
}

function field(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
