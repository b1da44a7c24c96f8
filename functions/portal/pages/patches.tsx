import type { FC } from "hono/jsx";
import type { Fleet } from "../fleet.ts";
import { Moment } from "../parts/moment.tsx";
import { PatchLabel, SeverityBadge } from "../parts/patch-label.tsx";
import { toneOf } from "../status.ts";
import { texts } from "../texts.ts";

const { patches: words } = texts;

/** Every patch that the customer may have or has, the newest first. */
export const PatchesPage: FC<{ fleet: Fleet; customer: string; now: number }> = ({ fleet, customer, now }) => {
  if (fleet.patches.length === 0) {
    return (
      <section class="first-steps">
        <h1>{words.empty.title}</h1>
        <p>{words.empty.first}</p>
        <pre>
          <code>{words.empty.command(customer)}</code>
        </pre>
      </section>
    );
  }
  return (
    <>
      <h1>{words.title}</h1>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">{words.patch}</th>
            <th scope="col">{words.severity}</th>
            <th scope="col">{words.state}</th>
            <th scope="col">{words.have}</th>
            <th scope="col">{words.live}</th>
          </tr>
        </thead>
        <tbody>
          {fleet.patches.map((patch) => (
            <tr>
              <th scope="row">
                <PatchLabel id={patch.id} patch={patch} />
              </th>
              <td data-label={words.severity}>
                <SeverityBadge severity={patch.manifest.severity} />
              </td>
              <td data-label={words.state}>
                <span title={texts.patchStates[patch.state].advice}>{texts.patchStates[patch.state].word}</span>
              </td>
              <td data-label={words.have}>{spreadOf(fleet, patch.id)}</td>
              <td data-label={words.live}>
                <Moment at={patch.liveAt} now={now} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
};

/** `3 of 5`: how many have the patch, of those that it concerns. */
function spreadOf(fleet: Fleet, id: string): string {
  const tones = fleet.machines.flatMap(({ patches }) =>
    patches.filter((each) => each.id === id).map(({ status }) => toneOf(status)),
  );
  const concerned = tones.filter((tone) => tone !== "quiet");
  return words.haveOf(concerned.filter((tone) => tone === "good").length, concerned.length);
}
