import type { Delegation } from "../../protocol/trust/edit.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { goOn } from "./change-root.ts";
import { delegationsIn, eitherOf, isSame, nextRole, nextTargets } from "./next-metadata.ts";
import { isSignedBy } from "./proposal.ts";
import { newestText } from "./repository.ts";

type Change = {
  why: string;
  delegations: readonly Delegation[];
  /** ids of the keys that it brings into force */
  promotes?: string[];
};

/** What a change came to, and the roles that were signed again for it. */
export type Changed = { outcome: Outcome; signed: string[] };

/**
 * Says anew whose keys sign which delegated role. A client must never meet a role that does not verify: where a public one would not,
 * targets first name the old keys and the new ones, then the role is signed by enough of both, and then the old ones go.
 * @returns what the last step came to that could be done: where signatures are missing, the same command again goes on from there
 */
export async function changeDelegations(place: Place, { why, delegations, promotes = [] }: Change): Promise<Changed> {
  const { repository, now } = place;
  const root = await newestText(repository, "root");
  const before = (await repository.newest("targets"))?.text;
  const known = new Map(delegationsIn(before).map((each) => [each.role, each]));
  const final = await nextTargets(before, delegations, now);
  const unsigned = await rolesToSign(place, delegations);
  const propose = async (text: string, more: { promotes?: string[] }) =>
    await carryOut(place, newProposal(place, { role: "targets", why, by: root, text, ...more }));
  if (unsigned.length === 0) return { outcome: await propose(final, { promotes }), signed: [] };

  const between = delegations.map((each) => eitherOf(each, known.get(each.role) ?? each));
  if (!between.every((each) => isSame(each, known.get(each.role) ?? each))) {
    const outcome = await propose(await nextTargets(before, between, now), {});
    if (!outcome.json.submitted) return { outcome: goOn(outcome), signed: [] };
  }
  const by = await newestText(repository, "targets");
  const signed: string[] = [];
  const waiting: Outcome[] = [];
  for (const { role, text } of unsigned) {
    const next = { role, why: `${why}: ${role} as it stands`, by, next: final, text: await nextRole(text, now) };
    const outcome = await carryOut(place, newProposal(place, next));
    if (outcome.json.submitted) signed.push(role);
    else waiting.push(outcome);
  }
  const [first] = waiting;
  if (first !== undefined) return { outcome: goOn({ ...first, lines: waiting.flatMap(({ lines }) => lines) }), signed };
  const text = await nextTargets(by, delegations, now);
  return { outcome: await propose(text, { promotes }), signed };
}

/** The public roles that would not verify under these delegations. */
async function rolesToSign({ repository }: Place, delegations: readonly Delegation[]) {
  const roles = delegations.map(async (delegation) => {
    const view = await repository.newest(delegation.role);
    return view === undefined || isSignedBy(view.text, delegation.role, delegation)
      ? []
      : [{ role: delegation.role, text: view.text }];
  });
  return (await Promise.all(roles)).flat();
}
