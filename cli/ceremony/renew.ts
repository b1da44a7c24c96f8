import type { RoleKeys } from "../../protocol/trust/edit.ts";
import type { Result } from "../io.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { heldKeys } from "./held-keys.ts";
import { delegationsIn, nextRole, nextRoot, nextTargets, rolesIn } from "./next-metadata.ts";
import { newestText } from "./repository.ts";

/** Signs again whatever the keys at hand can sign; where that is not enough, a proposal is written that travels. */
export async function renew(place: Place): Promise<Result> {
  const { repository, directory, now } = place;
  const held = new Set((await heldKeys(directory)).map(({ signer }) => signer.key.keyid));
  const isAtHand = ({ keys }: RoleKeys) => keys.some(({ keyid }) => held.has(keyid));
  const root = await newestText(repository, "root");
  const targets = await newestText(repository, "targets");
  const outcomes: Outcome[] = [];
  const again = async (role: string, by: string, text: string) => {
    const outcome = await carryOut(place, newProposal(place, { role, why: `${role} for longer`, by, text }));
    outcomes.push(outcome);
  };
  for (const delegation of delegationsIn(targets).filter(isAtHand)) {
    const view = repository.owns(delegation.role) ? await repository.newest(delegation.role) : undefined;
    if (view !== undefined) await again(delegation.role, targets, await nextRole(view.text, now));
  }
  const roles = rolesIn(root);
  if (isAtHand(roles.targets)) await again("targets", root, await nextTargets(targets, delegationsIn(targets), now));
  if (isAtHand(roles.root)) await again("root", root, await nextRoot(root, roles, now));

  const ofRoot = outcomes.find(({ json }) => json.role === "root");
  const others = outcomes.filter((each) => each !== ofRoot);
  const renewed = others.filter(({ json }) => json.submitted).map(({ json }) => json.role);
  const waiting = others.filter(({ json }) => !json.submitted);
  return {
    json: {
      repository: repository.name,
      renewed,
      proposals: waiting.map(({ json }) => json.proposal),
      root: ofRoot?.json ?? null,
    },
    lines: [
      `Renewed: ${renewed.join(", ") || "nothing"}.`,
      ...waiting.flatMap(({ lines }) => lines),
      ...(ofRoot?.lines ?? ["No root key is here, so the root is as it was."]),
    ],
  };
}
