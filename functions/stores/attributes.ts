/** One value in DynamoDB's JSON. Sets and binary are absent because no store keeps them. */
type Attribute =
  | { S: string }
  | { N: string }
  | { BOOL: boolean }
  | { NULL: true }
  | { L: Attribute[] }
  | { M: Attributes };
export type Attributes = { [name: string]: Attribute };

/** Plain JSON data as DynamoDB's JSON; members that are `undefined` are left out. Throws TypeError for anything that JSON cannot hold. */
export function marshal(row: object): Attributes {
  const members = Object.entries(row).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members.map(([name, value]) => [name, toAttribute(value)]));
}

/** The inverse of `marshal`. */
export function unmarshal(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, fromAttribute(value)]));
}

function toAttribute(value: unknown): Attribute {
  if (typeof value === "string") return { S: value };
  if (typeof value === "boolean") return { BOOL: value };
  if (value === null) return { NULL: true };
  if (typeof value === "number" && Number.isFinite(value)) return { N: String(value) };
  if (Array.isArray(value)) return { L: value.map(toAttribute) };
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) return { M: marshal(value) };
  throw new TypeError(`a ${typeof value} cannot be stored`);
}

function fromAttribute(attribute: Attribute): unknown {
  if ("S" in attribute) return attribute.S;
  if ("N" in attribute) return Number(attribute.N);
  if ("BOOL" in attribute) return attribute.BOOL;
  if ("NULL" in attribute) return null;
  if ("L" in attribute) return attribute.L.map(fromAttribute);
  return unmarshal(attribute.M);
}
