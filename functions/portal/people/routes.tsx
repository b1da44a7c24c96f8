import type { Context, Hono } from "hono";
import { z } from "zod";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { NewApiToken } from "../../../protocol/wire/account.ts";
import { IdentityProviderView, InvitationCreated, MemberList, User } from "../../../protocol/wire/members.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { rolesOf } from "../../vendor-api/tenants.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, type Form, formLimit, given, readForm } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, kindOf, may, pageQuery, postOpenly, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { beginSession, only } from "../session.ts";
import { texts } from "../texts.ts";
import { InvitationPage, JoinPage } from "./invitation.tsx";
import { PeoplePage, peopleCsv } from "./list.tsx";
import { type DraftProvider, ProviderPage } from "./provider.tsx";

export function peopleRoutes(app: Hono, deps: ServiceDeps): void {
  const tenants = only(["customer", "vendor"], deps);

  app.get("/people", tenants, async (c) => {
    const [{ members, cursor }, provider] = await Promise.all([
      serviceOf(c, deps).call("GET", tenantPath(c, hrefWith("/members", pageQuery(c))), MemberList),
      mayChange(c) ? providerOf(c) : undefined,
    ]);
    const page = (
      <PeoplePage
        members={members}
        next={cursor && hrefWith("/people", { cursor })}
        roles={rolesOf[kindOf(c)]}
        user={c.get("signIn").user}
        mayChange={mayChange(c)}
        provider={provider}
        now={deps.now().getTime()}
      />
    );
    return answerPage(c, { title: texts.people.title, page });
  });

  app.get("/people.csv", tenants, async (c) => {
    const members = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/members${query}`), MemberList);
      return { items: answer.members, cursor: answer.cursor };
    });
    return answerCsv(c, "people", peopleCsv(members));
  });

  app.post("/people/invite", tenants, formLimit, async (c) => {
    const form = await readForm(c);
    const days = form.number("days");
    const body = given({
      user: form.text("user") ?? "",
      role: form.text("role") ?? "",
      expiresInHours: days === undefined ? undefined : days * 24,
    });
    const created = await serviceOf(c, deps).call("POST", tenantPath(c, "/invitations"), InvitationCreated, body);
    const page = <InvitationPage created={created} origin={new URL(c.req.url).origin} />;
    return answerPage(c, { title: texts.people.invite, page });
  });

  app.post("/people/remove", tenants, formLimit, async (c) => {
    const user = parseWith(User, (await readForm(c)).text("user"), texts.people.user);
    await serviceOf(c, deps).call("DELETE", tenantPath(c, `/members/${encodeURIComponent(user)}`), z.undefined());
    return c.redirect("/people", 303);
  });

  app.get("/people/provider", tenants, async (c) => {
    const provider = await providerOf(c);
    return askProvider(c, provider === undefined ? { roles: [] } : draftOf(provider));
  });

  app.post("/people/provider", tenants, formLimit, async (c) => {
    const draft = providerIn(await readForm(c));
    return await attempt(
      async () => {
        const body = { ...draft, jwks: keysIn(draft.jwks ?? ""), roles: Object.fromEntries(draft.roles) };
        await serviceOf(c, deps).call("PUT", tenantPath(c, "/identity-provider"), IdentityProviderView, body);
        return c.redirect("/people", 303);
      },
      (refusal) => askProvider(c, draft, refusal.message),
    );
  });

  app.get("/join", (c) => answerPage(c, { title: texts.join.title, page: <JoinPage /> }));

  app.post("/join", formLimit, async (c) => {
    const invitation = (await readForm(c)).text("invitation") ?? "";
    return await attempt(
      async () => {
        const { token } = await postOpenly(deps, "/v1/invitations/accept", NewApiToken, { invitation });
        await beginSession(c, token, deps);
        return c.redirect("/", 303);
      },
      (refusal) => {
        const page = <JoinPage refusal={refusal.message} />;
        return answerPage(c, { title: texts.join.title, page });
      },
    );
  });

  function askProvider(c: Context, draft: DraftProvider, refusal?: string) {
    const page = <ProviderPage draft={draft} roles={rolesOf[kindOf(c)]} refusal={refusal} />;
    return answerPage(c, { title: texts.provider.title, page });
  }

  async function providerOf(c: Context): Promise<IdentityProviderView | undefined> {
    try {
      return await serviceOf(c, deps).call("GET", tenantPath(c, "/identity-provider"), IdentityProviderView);
    } catch (error) {
      if (isSutureError(error, "not-found")) return undefined;
      throw error;
    }
  }
}

function draftOf({ jwks, roles, ...provider }: IdentityProviderView): DraftProvider {
  return { ...provider, jwks: JSON.stringify(jwks, null, 2), roles: Object.entries(roles) };
}

function providerIn({ text, all }: Form): DraftProvider {
  const roles = all("role");
  const chosen = all("group").flatMap((group, at) => {
    const role = roles[at] ?? "";
    return group === "" || role === "" ? [] : [[group, role] as const];
  });
  return {
    ...given({
      issuer: text("issuer"),
      audience: text("audience"),
      jwks: text("jwks"),
      groupsClaim: text("groupsClaim"),
    }),
    roles: chosen,
  };
}

function keysIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SutureError("invalid-request", texts.provider.notJson, { cause });
  }
}

function mayChange(c: Context): boolean {
  const kind = kindOf(c);
  return may(c, "POST", `/v1/${kind}s/:${kind}/invitations`);
}
