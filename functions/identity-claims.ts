import { SutureError } from "../protocol/errors.ts";

type Claims = Readonly<Record<string, unknown>>;

/**
 * The groups that an ID token names; undefined where it has no such claim. Memberships follow the groups, so what cannot be understood
 * must not pass for "no groups".
 * @param claim the name of the claim
 * @throws SutureError `unauthorized` with the reason for a list that was left out because it is too long, or is no list of texts
 * @see OpenID Connect Core 1.0, section 5.6.2 (distributed claims, by which providers leave out long lists)
 */
export function groupsIn(claims: Claims, claim: string): string[] | undefined {
  const elsewhere = claims._claim_names;
  if (typeof elsewhere === "object" && elsewhere !== null && claim in elsewhere) {
    throw refusal(
      `your identity provider left out your groups ("${claim}") because there are too many: have it send only those with a role here`,
    );
  }
  const groups = claims[claim];
  if (groups === undefined) return undefined;
  if (Array.isArray(groups) && groups.every((each) => typeof each === "string")) return groups;
  throw refusal(`"${claim}" in the ID token is not a list of texts`);
}

/** What a sign-in is told that needs groups and brings none. */
export function noGroups(claim: string): SutureError {
  return refusal(
    `the ID token has no "${claim}", and your role here follows your groups: have your identity provider send it`,
  );
}

/** Whether an ID token does not say that its e-mail address is unverified. Some providers write the flag as text, some leave it out. */
export function mayBeVerified({ email_verified: verified }: Claims): boolean {
  return verified === undefined || verified === true || verified === "true";
}

function refusal(reason: string): SutureError {
  return new SutureError("unauthorized", `This sign-in is not accepted: ${reason}`);
}
