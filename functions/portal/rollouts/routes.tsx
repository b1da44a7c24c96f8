import type { Context, Hono } from "hono";
import { PolicyList } from "../../../protocol/wire/policy.ts";
import { RolloutList, RolloutView } from "../../../protocol/wire/rollout.ts";
import type { PatchesStore } from "../../stores/patches.ts";
import { answerCsv, answerLive } from "../answer.tsx";
import { attempt, formLimit, given, readForm } from "../form.ts";
import { everyPage, may, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { type ListedRollout, RolloutsPage, rolloutsCsv, startedAt } from "./list.tsx";
import { type Deed, deeds, RolloutPage, rolloutHref } from "./rollout.tsx";
import { asksFirst, type RolloutState, rolloutStateOf, rolloutStates } from "./state.tsx";

type Deps = ServiceDeps & { patches: PatchesStore };

export function rolloutRoutes(app: Hono, deps: Deps): void {
  const customers = only(["customer"], deps);
  const path = "/rollouts/:vendor/:product/:channel/:patch";

  app.get("/rollouts", customers, async (c) => {
    const rollouts = await listed(c);
    const page = <RolloutsPage rollouts={rollouts} only={stateIn(c)} now={deps.now().getTime()} />;
    return answerLive(c, { title: texts.rollouts.title, page });
  });

  app.get("/rollouts.csv", customers, async (c) => {
    const state = stateIn(c);
    const rollouts = (await listed(c)).filter((each) => state === undefined || each.state === state);
    return answerCsv(c, "rollouts", rolloutsCsv(rollouts));
  });

  app.get(path, customers, (c) => show(c));

  app.post(path, customers, formLimit, async (c) => {
    const form = await readForm(c);
    const deed = form.text("do");
    const body = { ...deeds[isDeed(deed) ? deed : "note"], ...given({ note: form.text("note") }) };
    return await attempt(
      async () => {
        await serviceOf(c, deps).call("POST", tenantPath(c, `/rollouts/${patchIn(c)}`), RolloutView, body);
        return c.redirect(rolloutHref(patchIn(c)), 303);
      },
      (refusal) => show(c, refusal.message),
    );
  });

  async function show(c: Context, refusal?: string) {
    const service = serviceOf(c, deps);
    const [rollout, { policies }, title] = await Promise.all([
      service.call("GET", tenantPath(c, `/rollouts/${patchIn(c)}`), RolloutView),
      service.call("GET", tenantPath(c, "/policies?limit=100"), PolicyList),
      titleOf(patchIn(c)),
    ]);
    const page = (
      <RolloutPage
        rollout={rollout}
        title={title}
        state={rolloutStateOf(rollout, asksFirst(policies))}
        mayDecide={may(c, "POST", "/v1/customers/:customer/rollouts/:vendor/:product/:channel/:patch")}
        refusal={refusal}
        now={deps.now().getTime()}
      />
    );
    return answerLive(c, { title, page, href: rolloutHref(rollout.patch) });
  }

  async function listed(c: Context): Promise<ListedRollout[]> {
    const service = serviceOf(c, deps);
    const [rollouts, { policies }] = await Promise.all([
      everyPage(async (query) => {
        const answer = await service.call("GET", tenantPath(c, `/rollouts${query}`), RolloutList);
        return { items: answer.rollouts, cursor: answer.cursor };
      }),
      service.call("GET", tenantPath(c, "/policies?limit=100"), PolicyList),
    ]);
    const asks = asksFirst(policies);
    const found = await Promise.all(
      rollouts.map(async (rollout) => ({
        rollout,
        title: await titleOf(rollout.patch),
        state: rolloutStateOf(rollout, asks),
      })),
    );
    const rank = ({ state }: ListedRollout) => rolloutStates.indexOf(state);
    return found.toSorted((a, b) => rank(a) - rank(b) || startedAt(b.rollout) - startedAt(a.rollout));
  }

  async function titleOf(patch: string): Promise<string> {
    return (await deps.patches.get(patch))?.manifest.title ?? patch;
  }
}

function patchIn(c: Context): string {
  const { vendor = "", product = "", channel = "", patch = "" } = c.req.param();
  return [vendor, product, channel, patch].map(encodeURIComponent).join("/").replaceAll("%40", "@");
}

function stateIn(c: Context): RolloutState | undefined {
  return rolloutStates.find((state) => state === c.req.query("state"));
}

function isDeed(text: string | undefined): text is Deed {
  return text !== undefined && Object.hasOwn(deeds, text);
}
