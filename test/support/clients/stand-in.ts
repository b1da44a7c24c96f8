/** What a tool printed and how it exited; `hang` where it never does. */
export type Answer = { code: number; stdout?: string; stderr?: string } | "hang";

/**
 * Another vendor's client as its documents describe it, with a small state of its own. `trouble` names what is wrong with it now,
 * in words of its own; empty where all is well.
 */
export type StandIn<S extends { trouble: string }> = {
  tools: readonly string[];
  initial: S;
  /** Runs a tool: it may change the state. */
  run(state: S, tool: string, args: readonly string[]): Answer;
};
