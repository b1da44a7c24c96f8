import type { FC } from "hono/jsx";
import type { PolicyView } from "../../../protocol/wire/policy.ts";
import type { RolloutView } from "../../../protocol/wire/rollout.ts";
import type { Tone } from "../../domain/status.ts";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

/** What a person reads of a rollout: the API's states, and whether somebody must speak, or machines take it out. */
export const rolloutStates = ["asking", "halted", "undoing", "running", "done", "aborted"] as const;
export type RolloutState = (typeof rolloutStates)[number];

const tones: Record<RolloutState, Tone> = {
  asking: "attention",
  halted: "failing",
  undoing: "failing",
  running: "moving",
  done: "good",
  aborted: "quiet",
};

/** @param asks whether one of the customer's policies asks first */
export function rolloutStateOf({ state, approvedBy, undoing }: RolloutView, asks: boolean): RolloutState {
  if (state === "running" && asks && approvedBy === undefined) return "asking";
  return state === "halted" && undoing ? "undoing" : state;
}

/** Whether some machines wait until a person has approved their rollouts. */
export function asksFirst(policies: readonly PolicyView[]): boolean {
  return policies.some(({ policy }) => policy.apply === "ask");
}

export const RolloutMark: FC<{ state: RolloutState }> = ({ state }) => (
  <Mark tone={tones[state]} {...texts.rollouts.states[state]} />
);
