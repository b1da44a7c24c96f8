import type { Policy, PolicyTerms, PolicyView, Rule, Wave, Weekday, Window } from "../../../protocol/wire/policy.ts";
import { type Form, given } from "../form.ts";

/** Rows that a form has room for: what is there, and a few more. */
export const windowRows = (windows: readonly Window[]): number => windows.length + 1;
export const waveRows = (waves: readonly Wave[]): number => Math.max(3, waves.length + 1);

/**
 * The policy that a form says. Whether it makes sense is the API's to judge, so what is not a number, a day or a time stays what it is.
 * A row of a table of which nothing is filled in is none.
 */
export function policyOf(form: Form): { name: string; terms: PolicyTerms } {
  const { text, number, list } = form;
  const rule: Rule = given({
    hostname: text("hostname"),
    os: text("os"),
    arch: text("arch"),
    kernel: text("kernel"),
    tags: list("tags"),
  });
  const waves = wavesOf(form);
  const failurePercent = number("failureLimit");
  const policy: Partial<Policy> = given({
    apply: text("apply") as Policy["apply"] | undefined,
    critical: text("critical") as Policy["critical"] | undefined,
    windows: text("when") === undefined ? undefined : text("when") === "any" ? [] : windowsOf(form),
    waves: waves.length === 0 ? undefined : waves,
    failureLimit: failurePercent === undefined ? undefined : failurePercent / 100,
    onHalt: text("onHalt") as Policy["onHalt"] | undefined,
    onRecall: text("onRecall") as Policy["onRecall"] | undefined,
    agent: text("agent") as Policy["agent"] | undefined,
  });
  return {
    name: text("name") ?? "",
    terms: {
      ...given({ group: text("group"), rule: Object.keys(rule).length === 0 ? undefined : rule }),
      order: number("order") ?? 0,
      policy,
    },
  };
}

function windowsOf({ all }: Form): Window[] {
  const [from, to, zones] = [all("from"), all("to"), all("timeZone")];
  return from.flatMap((start, at) => {
    const days = all(`days-${at}`) as Weekday[];
    const window = { timeZone: zones[at] ?? "", days, from: start, to: to[at] ?? "" };
    return days.length === 0 && start === "" && window.to === "" ? [] : [window];
  });
}

function wavesOf({ all }: Form): Wave[] {
  const [groups, bakes] = [all("waveGroups"), all("bakeMinutes")];
  return all("share").flatMap((share, at) => {
    const of = groups[at]?.split(/[\s,]+/).filter((group) => group !== "") ?? [];
    if (share === "" && of.length === 0) return [];
    const wave = { share: share === "" ? undefined : Number(share) / 100, groups: of.length === 0 ? undefined : of };
    return [{ ...given(wave), bakeMinutes: Number(bakes[at] || 0) }];
  });
}

/** What a new form begins with. */
export const newPolicy: PolicyView = { name: "", order: 0, policy: {} };
