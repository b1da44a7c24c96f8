/** Values in microseconds under a title. */
export type Series = { title: string; values: readonly number[]; goal: number };

const width = 760;
const row = 110;
const left = 150;
const right = 24;
const from = 32;
const to = 16_384;
/** Bins for each doubling. */
const density = 4;
const bins = Math.log2(to / from) * density;

/** A picture of how often each length occurred, a row for each series, on one logarithmic axis; the goal is a dashed line. */
export function histogram(title: string, series: readonly Series[]): string {
  const height = 44 + series.length * row + 34;
  const x = (value: number) => left + (place(value) / bins) * (width - left - right);
  const rows = series.map((each, index) => rowOf(each, 44 + index * row, x));
  const ticks = Array.from({ length: Math.log2(to / from) + 1 }, (_, power) => from * 2 ** power).map(
    (value) => `<text x="${x(value)}" y="${height - 12}" text-anchor="middle">${value}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${left}" y="24" font-size="15">${title}</text>
${[...rows, ...ticks].join("\n")}
<text x="12" y="${height - 12}">microseconds</text>
</svg>
`;
}

function place(value: number): number {
  return Math.max(0, Math.min(bins, Math.log2(value / from) * density));
}

function rowOf({ title, values, goal }: Series, top: number, x: (value: number) => number): string {
  const counts = Array.from<number>({ length: bins }).fill(0);
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.floor(place(value)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  const base = top + row - 20;
  const bars = counts.map((count, bin) => {
    const [start, end] = [x(from * 2 ** (bin / density)), x(from * 2 ** ((bin + 1) / density))];
    const tall = (count / most) * (row - 34);
    return `<rect x="${start}" y="${base - tall}" width="${end - start - 1}" height="${tall}" fill="#3a6ea5"/>`;
  });
  const line = `<line x1="${x(goal)}" x2="${x(goal)}" y1="${top}" y2="${base}" stroke="#b00" stroke-dasharray="4 3"/>`;
  const axis = `<line x1="${left}" x2="${width - right}" y1="${base}" y2="${base}" stroke="#999"/>`;
  return `<text x="12" y="${base - 8}">${title}</text>${bars.join("")}${axis}${line}`;
}
