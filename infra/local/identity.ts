import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import type { ProviderConfig } from "../../functions/portal/sign-in/provider.ts";
import { SutureError } from "../../protocol/errors.ts";

/** Somebody who can sign in at the embedded identity provider, with a click and no password. */
export type LocalPerson = { email: string; groups: readonly string[] };

/** The provider as it runs, and its public keys. */
export type LocalIdentity = ProviderConfig & {
  jwks: { keys: readonly Record<string, unknown>[] };
  stop(): Promise<void>;
};

const clientId = "suture-portal";
const groupsClaim = "groups";
const day = 86_400;

/**
 * A real OpenID Connect provider in this process, for development: it asks who one is and believes it. It listens on the loopback
 * alone.
 * @param portalUrl where the portal answers: the only place that it sends anybody to
 * @param port 0 takes any free one
 * @throws SutureError `port-in-use`
 */
export async function startIdentity({
  portalUrl,
  people,
  port,
}: {
  portalUrl: string;
  people: readonly LocalPerson[];
  port: number;
}): Promise<LocalIdentity> {
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end();
  const server = createServer((request, response) => answer(request, response));
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new SutureError("port-in-use", `The identity provider cannot have port ${port}`, { cause });
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new SutureError("internal", "The provider has no port");
  const issuer = `http://127.0.0.1:${address.port}`;
  const clientSecret = randomBytes(32).toString("base64url");
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const named = { alg: "ES256", use: "sig", kid: "local" };
  const provider = new Provider(issuer, {
    adapter: memory(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...named }] },
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${portalUrl}/sign-in/callback`],
        post_logout_redirect_uris: [`${portalUrl}/sign-in`],
        id_token_signed_response_alg: "ES256",
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: [groupsClaim] },
    // What the portal wants to know stands in the ID token, as with Cognito
    conformIdTokenClaims: false,
    ttl: { Interaction: 3600, Session: day, Grant: day, AccessToken: 3600, IdToken: 3600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => {
      const person = people.find(({ email }) => email === id);
      if (person === undefined) return undefined;
      const claims = { sub: id, email: id, email_verified: true, [groupsClaim]: [...person.groups] };
      return { accountId: id, claims: () => claims };
    },
    // Nobody is asked whether the portal may know an e-mail address
    loadExistingGrant: async ({ oidc }) => {
      const { session, client } = oidc;
      if (session?.accountId === undefined || client === undefined) return undefined;
      const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const protocol = provider.callback();
  answer = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", issuer);
    const isAsked = /^\/interaction\/[\w-]+(\/login)?$/.exec(pathname);
    if (isAsked === null) return void protocol(request, response);
    if (isAsked[1] === undefined) return respond(response, loginPage(pathname, people));
    const accountId = searchParams.get("as") ?? "";
    provider.interactionFinished(request, response, { login: { accountId } }).catch(() => {
      response.statusCode = 400;
      respond(response, "<p>This sign-in is over. Begin it again.</p>");
    });
  };
  return {
    issuer,
    clientId,
    clientSecret,
    groupsClaim,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), ...named }] },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function respond(response: ServerResponse, body: string): void {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader("content-security-policy", "default-src 'none'");
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
      `<title>Who are you? · local identity provider</title><main>${body}</main></html>`,
  );
}

function loginPage(path: string, people: readonly LocalPerson[]): string {
  const links = people.map(({ email, groups }) => {
    const as = new URLSearchParams({ as: email }).toString();
    return `<li><a href="${path}/login?${as}">${email}</a> <small>${groups.join(", ")}</small></li>`;
  });
  return `<h1>Who are you?</h1><p>This provider is for development: it believes what you say.</p><ul>${links.join("")}</ul>`;
}

/** Keeps what the provider remembers as long as the process runs; one map, as a provider of one process needs no more. */
function memory() {
  const entries = new Map<string, Record<string, unknown>>();
  return (model: string) => {
    const keyOf = (id: string) => `${model} ${id}`;
    const findBy = (name: string, value: string) => {
      for (const [key, entry] of entries) if (key.startsWith(`${model} `) && entry[name] === value) return entry;
      return undefined;
    };
    return {
      upsert: async (id: string, payload: Record<string, unknown>) => void entries.set(keyOf(id), payload),
      find: async (id: string) => entries.get(keyOf(id)),
      findByUid: async (uid: string) => findBy("uid", uid),
      findByUserCode: async (userCode: string) => findBy("userCode", userCode),
      consume: async (id: string) => {
        const entry = entries.get(keyOf(id));
        if (entry !== undefined) entry.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id: string) => void entries.delete(keyOf(id)),
      revokeByGrantId: async (grantId: string) => {
        for (const [key, entry] of entries) if (entry.grantId === grantId) entries.delete(key);
      },
    };
  };
}
