import type { RoleKeys } from "../../protocol/trust/edit.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { delegationsIn, eitherOf, isSame, nextRoot, nextTargets, oneKey, rolesIn } from "./next-metadata.ts";
import { isSignedBy } from "./proposal.ts";
import { newestText } from "./repository.ts";

type Change = {
  why: string;
  root?: RoleKeys;
  targets?: RoleKeys;
  /** the keys that the service is to sign snapshot and timestamp with */
  online?: { snapshot: TufKey; timestamp: TufKey };
  /** whether those who must sign targets now cannot do it any more */
  isLost?: boolean;
  /** ids of the keys that it brings into force */
  promotes?: string[];
};

/**
 * Says anew whose keys sign the root, or targets. Targets that are public must verify under every root that is, so that they are signed
 * by both sides' keys before the root changes; where the old side's are lost, a root that knows both comes between.
 * @returns what the last step came to that could be done: where signatures are missing, the same command again goes on from there
 */
export async function changeRoot(
  place: Place,
  { why, root, targets, online, isLost, promotes = [] }: Change,
): Promise<Outcome> {
  const { repository, now } = place;
  const by = await newestText(repository, "root");
  const before = rolesIn(by);
  const wanted = {
    ...before,
    root: root ?? before.root,
    targets: targets ?? before.targets,
    ...(online && { snapshot: oneKey(online.snapshot), timestamp: oneKey(online.timestamp) }),
  };
  const next = await nextRoot(by, wanted, now);
  const signed = (await repository.newest("targets"))?.text;
  if (signed !== undefined && !isSignedBy(signed, "targets", wanted.targets)) {
    const between = eitherOf(wanted.targets, before.targets);
    if (isLost && !isSame(before.targets, between)) {
      const text = await nextRoot(by, { ...before, targets: between }, now);
      const known = await carryOut(
        place,
        newProposal(place, { role: "root", why: `${why}, beside the old`, by, text }),
      );
      return known.json.submitted ? await changeRoot(place, { why, ...wanted, promotes }) : known;
    }
    const text = await nextTargets(signed, delegationsIn(signed), now);
    const resigned = await carryOut(place, newProposal(place, { role: "targets", why, by, next, text }));
    if (!resigned.json.submitted) return goOn(resigned);
  }
  return await carryOut(place, newProposal(place, { role: "root", why, by, text: next, promotes }));
}

/** Says that the command is to be run again once the file has come round. */
export function goOn(outcome: Outcome): Outcome {
  return { ...outcome, lines: [...outcome.lines, "then run this command again: it goes on from there."] };
}
