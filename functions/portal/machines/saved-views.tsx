import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { texts } from "../texts.ts";

const cookieName = "suture-views";
const maxViews = 12;
const year = 365 * 86_400;
const words = texts.savedViews;

/** A list of machines that somebody wants to come back to: its name, and the query of its address. */
const View = z.object({ name: z.string().min(1).max(40), query: z.string().max(400) });
type View = z.infer<typeof View>;

/** The views that are kept in this browser; none where what is kept is not ours. */
export function savedViews(c: Context): View[] {
  const parsed = z
    .array(View)
    .max(maxViews)
    .safeParse(jsonOf(getCookie(c, cookieName)));
  return parsed.data ?? [];
}

/** Keeps a view under its name, or with `query` undefined forgets it. */
export function saveView(c: Context, name: string, query: string | undefined): void {
  const others = savedViews(c).filter((view) => view.name !== name);
  const view = View.safeParse({ name, query });
  const views = view.success ? [view.data, ...others].slice(0, maxViews) : others;
  const secure = new URL(c.req.url).protocol === "https:";
  const kept = Buffer.from(JSON.stringify(views)).toString("base64url");
  setCookie(c, cookieName, kept, { path: "/machines", httpOnly: true, sameSite: "Lax", secure, maxAge: year });
}

/** The saved views as links, and a form to save the one that is shown. */
export const SavedViews: FC<{ views: readonly View[]; query: string }> = ({ views, query }) => {
  const shown = views.find((view) => view.query === query);
  return (
    <div class="saved-views">
      {views.length > 0 && <span class="advice">{words.label}</span>}
      {views.map((view) => (
        <a href={`/machines${view.query}`} aria-current={view === shown ? "true" : undefined}>
          {view.name}
        </a>
      ))}
      {query !== "" && (
        <form method="post" action="/machines/views">
          <input type="hidden" name="query" value={query} />
          {shown === undefined ? (
            <input name="name" required maxlength={40} placeholder={words.name} aria-label={words.name} />
          ) : (
            <input type="hidden" name="forget" value={shown.name} />
          )}
          <button type="submit" class="quiet-button">
            {shown === undefined ? words.save : words.forget}
          </button>
        </form>
      )}
    </div>
  );
};

function jsonOf(cookie: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(cookie ?? "", "base64url").toString() || "[]");
  } catch {
    // The browser's owner wrote it: then there is none
    return [];
  }
}
