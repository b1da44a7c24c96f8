import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { type SavedView, SavedViewList, type ViewScope } from "../../../protocol/wire/views.ts";
import { conditions } from "../../domain/status.ts";
import { everyPage, may, type Service, tenantPath } from "../service.ts";
import { texts } from "../texts.ts";
import { hrefOf } from "./list.tsx";

const words = texts.savedViews;

/** The account's views, then those of whoever looks. */
export async function readViews(c: Context, service: Service): Promise<SavedView[]> {
  const of = (scope: ViewScope) =>
    everyPage<SavedView>(async (page) => {
      const { views, cursor } = await service.call("GET", tenantPath(c, `/views${page}&scope=${scope}`), SavedViewList);
      return { items: views, cursor };
    });
  return (await Promise.all([of("shared"), of("own")])).flat();
}

/** Whether whoever looks may save views that everybody in the account sees. */
export function mayShare(c: Context): boolean {
  return may(c, "PUT", "/v1/customers/:customer/views/shared/:view");
}

type Props = { views: readonly SavedView[]; query: string; mayShare: boolean };

/** The saved views as links, and a form to save the list that is shown, or to forget it. */
export const SavedViews: FC<Props> = ({ views, query, mayShare: isSharer }) => {
  const shown = views.find((view) => hrefOf(filterOf(view), "") === query);
  return (
    <>
      {views.length > 0 && (
        <nav class="row" aria-label={words.label}>
          <span class="advice">{words.label}</span>
          {views.map((view) => (
            <a href={hrefOf(filterOf(view))} aria-current={view === shown ? "true" : undefined}>
              {view.name}
              {view.scope === "own" && ` (${words.own})`}
            </a>
          ))}
        </nav>
      )}
      {query !== "" && (shown === undefined || shown.scope === "own" || isSharer) && (
        <form method="post" action="/machines/views">
          <input type="hidden" name="query" value={query} />
          {shown === undefined ? (
            <>
              <input name="name" required maxlength={40} placeholder={words.name} aria-label={words.name} />
              {isSharer && (
                <label>
                  <input type="checkbox" name="scope" value="shared" /> {words.share}
                </label>
              )}
            </>
          ) : (
            <>
              <input type="hidden" name="forget" value={shown.name} />
              <input type="hidden" name="scope" value={shown.scope} />
            </>
          )}
          <button type="submit" class="quiet-button">
            {shown === undefined ? words.save : words.forget}
          </button>
        </form>
      )}
    </>
  );
};

/** A view as the list's own query. */
function filterOf({ state, exposed, group, begins, by }: SavedView) {
  return { condition: conditions.find((each) => each === state), exposed, group, begins, by };
}
