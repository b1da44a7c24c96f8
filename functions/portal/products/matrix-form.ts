import type { SupportMatrix } from "../../../protocol/wire/support.ts";
import type { Form } from "../form.ts";

/** A support matrix as somebody types it: a line an entry, its parts between semicolons. */
export type MatrixText = { kernels: string; builds: string; programs: string };

export function textOf({ kernels, builds, programs }: SupportMatrix): MatrixText {
  return {
    kernels: kernels.map(({ kernel, arch, until, title }) => [kernel, arch, until, title].join("; ")).join("\n"),
    builds: builds.map(({ buildId, arch, until, title }) => [buildId, arch, until, title].join("; ")).join("\n"),
    programs: programs.join("\n"),
  };
}

export function textIn({ text }: Form): MatrixText {
  return { kernels: text("kernels") ?? "", builds: text("builds") ?? "", programs: text("programs") ?? "" };
}

/** The matrix that was typed; what is missing in a line is empty, and the API says where. */
export function matrixOf({ kernels, builds, programs }: MatrixText): SupportMatrix {
  return {
    kernels: entries(kernels).map(([kernel, common]) => ({ kernel, ...common })),
    builds: entries(builds).map(([buildId, common]) => ({ buildId, ...common })),
    programs: lines(programs),
  };
}

function entries(text: string): [string, { arch: string; until: string; title: string }][] {
  return lines(text).map((line) => {
    const [version = "", arch = "", until = "", ...title] = line.split(";").map((part) => part.trim());
    return [version, { arch, until, title: title.join("; ") }];
  });
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
