import type { FC } from "hono/jsx";
import { isOnHost, toneOf } from "../../domain/status.ts";
import type { Fleet } from "../machines/fleet.ts";
import { hrefOf } from "../machines/list.tsx";
import { Moment } from "../parts/moment.tsx";
import { PatchLabel, SeverityBadge } from "../parts/patch-label.tsx";
import { PatchStateMark } from "../parts/state.tsx";
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
                <PatchStateMark state={patch.state} />
              </td>
              <td data-label={words.have}>
                <Spread fleet={fleet} id={patch.id} />
              </td>
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

/** `3 of 5`: how many have the patch, of those that it concerns; the link lists every machine that knows it. */
const Spread: FC<{ fleet: Fleet; id: string }> = ({ fleet, id }) => {
  const statuses = fleet.machines.flatMap(({ patches }) =>
    patches.filter((each) => each.id === id).map(({ status }) => status),
  );
  const concerned = statuses.filter((status) => isOnHost(status) || toneOf(status) !== "quiet");
  return (
    <a href={hrefOf({ text: id, condition: undefined })}>
      {words.haveOf(concerned.filter(isOnHost).length, concerned.length)}
    </a>
  );
};
