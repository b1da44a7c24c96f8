import * as client from "openid-client";
import { z } from "zod";
import { describeError, isSutureError, SutureError } from "../../../protocol/errors.ts";
import { User } from "../../../protocol/wire/members.ts";
import { groupsIn } from "../../identity-claims.ts";
import { texts } from "../texts.ts";

/** The service's own identity provider, and this portal as its client. */
export type ProviderConfig = {
  issuer: string;
  clientId: string;
  /** absent for a public client, for which the proof of the code (PKCE) stands alone */
  clientSecret?: string;
  /** the claim that holds a person's groups */
  groupsClaim: string;
  /** the provider leaves the claim out for a person without groups, as Cognito does; else its absence says nothing */
  omitsEmptyGroups?: boolean;
};

/** What the browser keeps, signed, between leaving for the provider and coming back. */
export const Checks = z.object({ state: z.string(), nonce: z.string(), verifier: z.string() });
export type Checks = z.infer<typeof Checks>;
/** A person, as the provider vouches for it; groups are undefined where the provider does not name any. */
export type Person = { user: string; groups: string[] | undefined };

const scope = "openid email profile";
const Claims = z.object({ email: User, email_verified: z.literal([true, "true"]) });

export type Provider = ReturnType<typeof openProvider>;

/**
 * Signs people in with the authorization code flow, PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 9700).
 * What the provider publishes of itself is read at the first sign-in and kept.
 */
export function openProvider(config: ProviderConfig) {
  let discovered: Promise<client.Configuration> | undefined;

  async function discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = config;
    const authentication = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
    // Without TLS only where nothing leaves the machine
    const isLocal = new URL(issuer).hostname === "127.0.0.1";
    discovered ??= client.discovery(new URL(issuer), clientId, undefined, authentication, {
      ...(isLocal && { execute: [client.allowInsecureRequests] }),
    });
    try {
      return await discovered;
    } catch (cause) {
      discovered = undefined;
      throw new SutureError("unavailable", `${texts.signIn.providerSilent} ${describeError(cause)}`, { cause });
    }
  }

  return {
    config,

    /**
     * Where to send a browser, and what it must bring back.
     * @throws SutureError `unavailable`
     */
    async begin(redirectUri: string): Promise<{ url: URL; checks: Checks }> {
      const configuration = await discover();
      const checks = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      };
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope,
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: "S256",
      });
      return { url, checks };
    },

    /**
     * Who came back.
     * @param url the address that the provider sent the browser to
     * @throws SutureError `unavailable`; `unauthorized` where the provider, its code or its ID token do not say who it is
     */
    async finish(url: URL, { state, nonce, verifier }: Checks): Promise<Person> {
      const configuration = await discover();
      try {
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims() ?? {};
        const { email } = Claims.parse(claims);
        const groups = groupsIn(claims as Record<string, unknown>, config.groupsClaim);
        return { user: email, groups: groups ?? (config.omitsEmptyGroups ? [] : undefined) };
      } catch (cause) {
        if (isSutureError(cause)) throw cause;
        throw new SutureError("unauthorized", texts.signIn.notTaken, { cause });
      }
    },

    /** Where a browser leaves the provider too; undefined where it has no such page. */
    async leave(returnTo: string): Promise<string | undefined> {
      const configuration = await discover();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
      // `logout_uri` is what Cognito calls it
      const parameters = { post_logout_redirect_uri: returnTo, logout_uri: returnTo };
      return client.buildEndSessionUrl(configuration, parameters).href;
    },
  };
}
