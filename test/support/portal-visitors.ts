import { startPortal } from "./portal.ts";
import { fillAccount } from "./portal-account.ts";

const origin = "http://portal.test";

type Form = Record<string, string> | [string, string][] | FormData;

/**
 * The portal with `fillAccount`'s customer, and its visitors without a browser: `owner`, `operator` and `viewer` of that customer, `vendor`,
 * `service`, and `stranger`, who is another customer's owner.
 * @param clock milliseconds since the epoch
 */
export async function startVisitors(clock: number) {
  const portal = await startPortal({ now: () => new Date(clock) });
  const account = await fillAccount(portal, clock);
  const cookies: Record<string, string> = {};

  /** Signs in with a token, under a name of its own. */
  async function signIn(who: string, token: string): Promise<void> {
    const body = new URLSearchParams({ token });
    const answer = await portal.app.request(`${origin}/sign-in`, { method: "POST", body, headers: { origin } });
    cookies[who] = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  }
  for (const role of ["owner", "operator", "viewer"] as const) await signIn(role, await portal.token(account.as(role)));
  await portal.customer("stranger", []);
  await signIn("stranger", await portal.token({ kind: "customer", tenant: "stranger", role: "owner" }));
  await signIn("service", await portal.token({ kind: "operator", tenant: "service", role: "operator" }));
  await signIn("vendor", await portal.token({ kind: "vendor", tenant: "acme", role: "publisher" }));

  async function post(path: string, form: Form, who = "owner"): Promise<Response> {
    const headers = { origin, accept: "text/html", cookie: cookies[who] ?? "" };
    const body = form instanceof FormData ? form : new URLSearchParams(form);
    return portal.app.request(origin + path, { method: "POST", body, headers });
  }
  async function get(path: string, who = "owner") {
    const headers = { cookie: cookies[who] ?? "", accept: "text/html" };
    const answer = await portal.app.request(origin + path, { headers });
    return { status: answer.status, text: await answer.text(), type: answer.headers.get("content-type") ?? "" };
  }
  return { portal, account, cookies, signIn, get, post };
}

/** What a test file keeps of `startVisitors`. */
export type Visitors = Awaited<ReturnType<typeof startVisitors>>;
