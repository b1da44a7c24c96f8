import type { FC } from "hono/jsx";
import type { CustomerView } from "../../../protocol/wire/customer.ts";
import type { PolicyView } from "../../../protocol/wire/policy.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { texts } from "../texts.ts";

const { policies: words } = texts;

type Props = { policies: readonly PolicyView[]; customer: CustomerView; mayChange: boolean };
type Row = PolicyView | "defaults";

/** Every policy in the order in which they add up, and the groups that they are for. */
export const PoliciesPage: FC<Props> = ({ policies, customer, mayChange }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {mayChange && (
      <p>
        <a href="/policies/new" class="button">
          {words.add}
        </a>
      </p>
    )}
    {policies.length === 0 && <p class="empty">{words.empty}</p>}
    <DataTable<Row>
      label={words.title}
      rows={["defaults", ...policies]}
      columns={[
        { head: words.name, cell: (row) => (row === "defaults" ? words.defaults : <PolicyLink name={row.name} />) },
        { head: words.whom, cell: (row) => whomOf(row) },
        {
          head: words.says,
          cell: (row) => (row === "defaults" ? words.defaultsSay : words.summary(row.policy) || "–"),
        },
        { head: words.order, numeric: true, cell: (row) => (row === "defaults" ? "" : texts.number(row.order)) },
      ]}
    />
    <ListFoot csv="/policies.csv" />
    <details class="legend">
      <summary>{words.precedence}</summary>
      <ol>
        {words.precedenceSays.map((sentence) => (
          <li>{sentence}</li>
        ))}
      </ol>
      <p class="advice">{words.readMore}</p>
    </details>
    <h2>{words.groups}</h2>
    <Groups policies={policies} customer={customer} mayChange={mayChange} />
  </>
);

const Groups: FC<Props> = ({ policies, customer, mayChange }) => {
  const groups = Object.entries(customer.groups);
  if (groups.length === 0) return <p class="empty">{words.noGroups}</p>;
  return (
    <DataTable
      label={words.groups}
      rows={groups}
      columns={[
        { head: words.groupName, cell: ([name]) => <a href={hrefWith("/machines", { q: name })}>{name}</a> },
        { head: words.mode, cell: ([, { mode }]) => words.modes[mode] },
        {
          head: words.ownPolicies,
          cell([name]) {
            const own = policies.filter(({ group }) => group === name);
            return own.length === 0 ? words.noPolicies : own.map((each) => <PolicyLink name={each.name} />);
          },
        },
        ...(mayChange
          ? [
              {
                head: texts.list.actions,
                cell: ([name]: (typeof groups)[number]) => (
                  <a href={hrefWith("/tokens/new", { group: name })}>{words.tokenFor}</a>
                ),
              },
            ]
          : []),
      ]}
    />
  );
};

const PolicyLink: FC<{ name: string }> = ({ name }) => <a href={`/policies/${name}`}>{name}</a>;

function whomOf(policy: Row): string {
  if (policy === "defaults" || (policy.group === undefined && policy.rule === undefined)) return words.everybody;
  const { group, rule } = policy;
  return [group !== undefined && words.group(group), rule !== undefined && words.rule(rule)].filter(Boolean).join(", ");
}

/** The list as rows of a file. */
export function policiesCsv(policies: readonly PolicyView[]): (string | number)[][] {
  return [
    ["policy", "for", "order", "says"],
    ...policies.map((each) => [each.name, whomOf(each), each.order, words.summary(each.policy)]),
  ];
}
