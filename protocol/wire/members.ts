import { z } from "zod";
import { CustomerRole, TenantRole, TokenHours, VendorRole } from "./account.ts";
import { Instant } from "./names.ts";

/** A person, by e-mail address. */
export const User = z.email().max(254).toLowerCase();

export const MemberView = z.object({ user: z.string(), role: TenantRole, joinedAt: Instant });
export type MemberView = z.infer<typeof MemberView>;
/** `GET /v1/customers/{customer}/members`, and a vendor's */
export const MemberList = z.object({ members: z.array(MemberView), cursor: z.string().optional() });

/** `POST …/invitations` */
const invitation = { user: User, expiresInHours: TokenHours.optional() };
export const NewCustomerInvitation = z.strictObject({ ...invitation, role: CustomerRole });
export const NewVendorInvitation = z.strictObject({ ...invitation, role: VendorRole });
const InvitationText = z.string().regex(/^suture-invite\.[A-Za-z0-9_-]{43}$/, "suture-invite.SECRET");
export const InvitationCreated = z.object({
  invitation: InvitationText.describe("Shown this once, to be handed to the person"),
  user: z.string(),
  role: TenantRole,
  expiresAt: Instant,
});
export type InvitationCreated = z.infer<typeof InvitationCreated>;
/** `POST /v1/invitations/accept` */
export const AcceptInvitation = z.strictObject({ invitation: InvitationText });

/** `PUT` and `GET …/identity-provider` */
const provider = {
  // Without TLS only a provider on this very machine, as in development
  issuer: z
    .url()
    .max(500)
    .refine((issuer) => /^https:|^http:\/\/127\.0\.0\.1[:/]/.test(issuer), "an https address"),
  audience: z.string().min(1).max(200),
  jwks: z
    .strictObject({
      keys: z
        .array(z.looseObject({ kty: z.enum(["RSA", "EC", "OKP"]) }))
        .min(1)
        .max(20),
    })
    .describe("The provider's public keys, as its `jwks_uri` shows them"),
  groupsClaim: z.string().min(1).max(100),
};
const Group = z.string().min(1).max(200);
const rolesMeaning = "Group → role; of several the highest counts";
export const CustomerIdentityProvider = z.strictObject({
  ...provider,
  roles: z.record(Group, CustomerRole).describe(rolesMeaning),
});
export const VendorIdentityProvider = z.strictObject({
  ...provider,
  roles: z.record(Group, VendorRole).describe(rolesMeaning),
});
export const IdentityProviderView = z.union([CustomerIdentityProvider, VendorIdentityProvider]);
export type IdentityProviderView = z.infer<typeof IdentityProviderView>;
/** `POST …/sign-in` */
export const SignInRequest = z.strictObject({ idToken: z.string().min(1).max(16_384) });
