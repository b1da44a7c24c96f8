import type { Figure } from "./figure.ts";

/** Each area's figures, measured when they are asked for. */
const areas: Record<string, () => Promise<Figure[]>> = {
  poll: async () => (await import("./poll.ts")).pollFigures(),
  lambda: async () => (await import("./lambda.ts")).lambdaFigures(),
  cost: async () => (await import("./cost/figures.ts")).costFigures(),
  elf: async () => (await import("./elf/figures.ts")).elfFigures(),
  agent: async () => (await import("./agent/figures.ts")).agentFigures(),
  klp: async () => (await import("./klp.ts")).klpFigures(),
  portal: async () => (await import("./portal.ts")).portalFigures(),
  delivery: async () => (await import("./delivery.ts")).deliveryFigures(),
};

const usage = `Usage: npm run bench -- [AREA ...] [--json]

Measures figures and prints each beside what it was compared with in the same run.
Areas: ${Object.keys(areas).join(", ")} (default: all). With --json the last line is {"figures":[...]}.`;

async function main(args: readonly string[]): Promise<void> {
  const isJson = args.includes("--json");
  const names = args.filter((arg) => !arg.startsWith("--"));
  const unknown = [
    ...names.filter((name) => !(name in areas)),
    ...args.filter((arg) => arg.startsWith("--") && arg !== "--json" && arg !== "--help"),
  ];
  if (args.includes("--help") || unknown.length > 0) {
    console.log(unknown.length > 0 ? `Unknown: ${unknown.join(", ")}\n\n${usage}` : usage);
    process.exitCode = unknown.length > 0 ? 2 : 0;
    return;
  }
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(areas)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const measured = await measure();
    figures.push(...measured);
    for (const figure of measured) console.log(lineOf(figure));
  }
  if (isJson) console.log(JSON.stringify({ figures }));
}

function lineOf({ name, value, unit, versus, ratio, anchor }: Figure): string {
  const against = ratio === null ? "" : ` = ${ratio} x ${versus}`;
  return `${name.padEnd(28)} ${String(value).padStart(10)} ${unit}${against}   (${anchor})`;
}

await main(process.argv.slice(2));
