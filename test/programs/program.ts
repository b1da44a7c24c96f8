import type { Client } from "./load.ts";

/** What a program of the corpus is started with. */
export type Place = {
  /** a folder of its own, which any user may enter */
  directory: string;
  port: number;
};

/** A program of the corpus that runs and answers. */
export type Running = {
  /** the file whose code is patched: the program's own, or a library's that it has mapped */
  module: string;
  /** exported functions of it, hot ones first; "all" where it is stripped: all that its unwinding table describes */
  functions: readonly string[] | "all";
  open: () => Promise<Client>;
  /** Processes that may end by themselves: those of the program that the load starts and ends. */
  mayEnd?: (commandLine: string) => boolean;
  /** What it wrote, for a person who looks into a failure. */
  log?: () => string;
  stop: () => Promise<void>;
};

/** What a run that must be refused comes to. */
type Refusal = { codes: readonly string[]; detail: RegExp };

/** One row of the table: a program that nobody here wrote, or a small one for what no package has. */
export type Program = {
  name: string;
  /** what makes it a case of its own, in a few words */
  about: string;
  /** commands or files without which it cannot be had, and the Debian packages that bring them */
  needs: readonly string[];
  packages: string;
  /** its version, by its own account */
  version(): string;
  start(place: Place): Promise<Running>;
  connections?: number;
  pauseMillis?: number;
  requestsPerConnection?: number;
  /** where the engine must refuse it, how it says so */
  refused?: Refusal;
};
