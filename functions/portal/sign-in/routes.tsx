import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { SutureError } from "../../../protocol/errors.ts";
import { tooLarge } from "../../problem.ts";
import { answerPage } from "../answer.tsx";
import { beginSession, endSession, type SessionDeps } from "../session.ts";
import { texts } from "../texts.ts";
import { SignInPage } from "./page.tsx";

/** A form of this service is never larger. Bytes. */
const maxForm = 16 * 1024;

/** How people come in and leave. */
export function signInRoutes(app: Hono, deps: SessionDeps): void {
  app.get("/sign-in", (c) => answerSignIn(c, { next: localPath(c, c.req.query("next")) }));
  app.post("/sign-in", bodyLimit({ maxSize: maxForm, onError: tooLarge }), async (c) => {
    const { token, next } = await c.req.parseBody();
    const target = localPath(c, next);
    try {
      await beginSession(c, typeof token === "string" ? token : "", deps);
    } catch (error) {
      if (!(error instanceof SutureError) || error.status >= 500) throw error;
      return answerSignIn(c, { next: target, refusal: error.message }, error.status as 401);
    }
    return c.redirect(target, 303);
  });
  app.post("/sign-out", (c) => {
    endSession(c);
    return c.redirect("/sign-in", 303);
  });
}

function answerSignIn(c: Context, page: { next: string; refusal?: string }, status: 200 | 401 = 200) {
  return answerPage(c, { title: texts.signIn.title, page: <SignInPage {...page} />, status });
}

/** Where to go after the sign-in: a path of this site, whatever the address asked for. */
function localPath(c: Context, next: unknown): string {
  const { origin } = new URL(c.req.url);
  const target = typeof next === "string" && URL.canParse(next, origin) ? new URL(next, origin) : undefined;
  // Two slashes at the beginning would name another host
  return target?.origin === origin ? target.pathname.replace(/^\/+/, "/") + target.search : "/";
}
