import type { FC } from "hono/jsx";
import { texts } from "../texts.ts";

/** Evidence is a machine's own JSON: nothing of its shape is promised, so what is deeper than a table is shown as text. */
export const Evidence: FC<{ evidence: Readonly<Record<string, unknown>> }> = ({ evidence }) => {
  const entries = Object.entries(evidence);
  const plain = entries.filter(([, value]) => tableOf(value) === undefined);
  const tables = entries.flatMap(([name, value]) => {
    const rows = tableOf(value);
    return rows === undefined ? [] : [{ name, rows }];
  });
  return (
    <>
      <dl>
        {plain.map(([name, value]) => (
          <div>
            <dt>{labelOf(name)}</dt>
            <dd>{textOf(name, value)}</dd>
          </div>
        ))}
      </dl>
      {tables.map(({ name, rows }) => (
        <EvidenceTable name={name} rows={rows} />
      ))}
    </>
  );
};

const EvidenceTable: FC<{ name: string; rows: readonly Record<string, unknown>[] }> = ({ name, rows }) => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div class="scroll">
      <table class="evidence">
        <caption>{labelOf(name)}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col">{labelOf(column)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((column) => (
                <td>{Object.hasOwn(row, column) ? textOf(column, row[column]) : ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

/** The longest pause that the evidence speaks of, in microseconds. */
export function pauseOf(evidence: Readonly<Record<string, unknown>>): number | undefined {
  const { pauseMicros } = evidence;
  return typeof pauseMicros === "number" && Number.isFinite(pauseMicros) && pauseMicros > 0 ? pauseMicros : undefined;
}

function tableOf(value: unknown): Record<string, unknown>[] | undefined {
  const isTable = Array.isArray(value) && value.length > 0 && value.every((row) => isRecord(row));
  return isTable ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function labelOf(name: string): string {
  return name === "pauseMicros" ? texts.evidence.pauseMicros : name;
}

function textOf(name: string, value: unknown): string {
  if (name === "pauseMicros" && typeof value === "number") return texts.evidence.micros(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(", ");
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
