import type { FC } from "hono/jsx";
import { type Condition, conditions, type PatchStatus, type Tone, toneOf } from "../../domain/status.ts";
import type { PatchRecord } from "../../stores/patches.ts";
import { toneOfCondition, toneOfPatch } from "../status.ts";
import { texts } from "../texts.ts";

/** One shape a tone, drawn in the colour of its text: a state is never told by colour alone. */
const shapes: Record<Tone, string> = {
  // tick in a disc
  good: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.9 5.1-4.6 4.8a1 1 0 0 1-1.4 0L4.1 9.1l1.3-1.3 1.2 1.2 3.9-4.1z",
  // half a disc
  moving: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8v10.4A5.2 5.2 0 0 1 8 2.8Z",
  // triangle with a mark
  attention: "M8 1 .7 14.2h14.6zM7.2 5.8h1.6v4.1H7.2zm0 5.1h1.6v1.6H7.2z",
  // cross in a square
  failing:
    "M1.5 1.5v13h13v-13zm2.9 4.2 1.3-1.3L8 6.7l2.3-2.3 1.3 1.3L9.3 8l2.3 2.3-1.3 1.3L8 9.3l-2.3 2.3-1.3-1.3L6.7 8z",
  // ring
  quiet: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4Z",
};

/** Shape and word. */
export const Mark: FC<{ tone: Tone; word: string; advice: string }> = ({ tone, word, advice }) => (
  <span class={`mark ${tone}`} title={advice}>
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path fill-rule="evenodd" d={shapes[tone]} />
    </svg>
    {word}
  </span>
);

export const StatusMark: FC<{ status: PatchStatus }> = ({ status }) => (
  <Mark tone={toneOf(status)} {...texts.statuses[status]} />
);

export const ConditionMark: FC<{ condition: Condition }> = ({ condition }) => (
  <Mark tone={toneOfCondition(condition)} {...texts.conditions[condition]} />
);

export const PatchStateMark: FC<{ state: PatchRecord["state"] }> = ({ state }) => (
  <Mark tone={toneOfPatch(state)} {...texts.patchStates[state]} />
);

/** Each condition with its sentence, for whoever meets one for the first time. */
export const Legend: FC = () => (
  <details class="legend">
    <summary>{texts.legend}</summary>
    <dl class="facts">
      {conditions.map((condition) => (
        <div>
          <dt>
            <ConditionMark condition={condition} />
          </dt>
          <dd>{texts.conditions[condition].advice}</dd>
        </div>
      ))}
    </dl>
  </details>
);
