/** What became of one program. `absent`: it cannot be had here; `refused`: the engine must not patch it, and did not. */
export type Row = {
  program: string;
  about: string;
  version: string;
  status: "ok" | "refused" | "failed" | "absent";
  /** why it failed or cannot be had; how it was refused */
  reason: string;
  functions: number;
  processes: number;
  threads: number;
  cycles: number;
  /** how often replaced functions ran */
  calls: number;
  requests: number;
  failed: number;
  closed: number;
  deaths: number;
  /** how often the engine asked for patience */
  retries: number;
  pauseMedianMicros: number;
  pauseMaxMicros: number;
  /** by how many mappings its first process grew */
  mappings: number;
  agentPeakKiB: number;
  seconds: number;
};

/** A row with nothing measured. */
export function emptyRow(program: string, about: string): Row {
  return {
    program,
    about,
    version: "?",
    status: "absent",
    reason: "",
    functions: 0,
    processes: 0,
    threads: 0,
    cycles: 0,
    calls: 0,
    requests: 0,
    failed: 0,
    closed: 0,
    deaths: 0,
    retries: 0,
    pauseMedianMicros: 0,
    pauseMaxMicros: 0,
    mappings: 0,
    agentPeakKiB: 0,
    seconds: 0,
  };
}

type Column = [title: string, value: (row: Row) => string | number];

const columns: Column[] = [
  ["program", (row) => row.program],
  ["version", (row) => row.version],
  ["functions", (row) => row.functions],
  ["processes", (row) => row.processes],
  ["threads", (row) => row.threads],
  ["cycles", (row) => row.cycles],
  ["calls", (row) => row.calls],
  ["requests", (row) => row.requests],
  ["failed", (row) => row.failed + row.closed],
  ["deaths", (row) => row.deaths],
  ["pause median us", (row) => row.pauseMedianMicros],
  ["pause max us", (row) => row.pauseMaxMicros],
];

/** The rows as a table for a terminal; what cannot be had, was refused or failed is named below it with its reason. */
export function tableOf(rows: readonly Row[]): string {
  const isMeasured = (row: Row) => row.status !== "absent";
  const lines = [
    columns.map(([title]) => title),
    ...rows.filter(isMeasured).map((row) => columns.map(([, value]) => String(value(row)))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const text = lines.map((line) =>
    line.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  "),
  );
  const named = rows
    .filter(({ status }) => status !== "ok")
    .map(({ program, status, reason }) => `${word[status]}: ${program}: ${reason}`);
  return [...text, ...(named.length > 0 ? ["", ...named] : [])].join("\n");
}

const word = { ok: "fine", refused: "refused as it must be", failed: "FAILED", absent: "not here" };

/** The middle value of numbers; 0 of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
