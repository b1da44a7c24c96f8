/** Tables within tables, as a TOML file has them. */
export type Tables = { [name: string]: unknown };

/** The value at a path such as `network.proxy`; undefined where there is none. */
export function valueAt(tables: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((table, name) => Object(table)[name], tables);
}

/** Puts a value at a path, and the tables that lead there; undefined takes it away. */
export function putAt(tables: Tables, path: string, value: unknown): void {
  const [name = path, ...rest] = path.split(".");
  if (rest.length === 0) {
    if (value === undefined) delete tables[name];
    else tables[name] = value;
    return;
  }
  const inner: Tables = { ...Object(tables[name]) };
  putAt(inner, rest.join("."), value);
  tables[name] = inner;
}
