import type { Template } from "aws-cdk-lib/assertions";

type Json = Record<string, unknown>;
type Resource = { Type: string; Properties: Json };
type Templates = Readonly<Record<string, Template>>;

/**
 * Reads synthesized templates: what each function's role may do, in words. `tables/machines: GetItem PutItem`,
 * `tables/machines/index/byCustomer: Query`, `objects/bundles/*: GetObject`, `keys/suture/wrapping: Decrypt`.
 */
export function readAccess(templates: Templates): Record<string, string[]> {
  const all = Object.entries(templates).flatMap(([stack, template]) =>
    Object.entries(template.toJSON().Resources as Record<string, Resource>).map(([id, resource]) => ({
      stack,
      id,
      resource,
    })),
  );
  const exported = exportsOf(templates);
  const named = (stack: string, id: string) =>
    nameOf(all.find((each) => each.stack === stack && each.id === id)?.resource, id);

  /** A resource in an IAM statement, as text. */
  function text(value: unknown, stack: string): string {
    if (typeof value === "string") return value;
    const [[kind, argument] = []] = Object.entries(value as Json);
    if (kind === "Fn::Join") return (argument as [string, unknown[]])[1].map((part) => text(part, stack)).join("");
    if (kind === "Fn::GetAtt") return named(stack, (argument as string[])[0] ?? "");
    if (kind === "Ref") return String(argument).startsWith("AWS::") ? "" : named(stack, String(argument));
    if (kind === "Fn::ImportValue") return exported.get(String(argument))?.(text) ?? String(argument);
    throw new TypeError(`cannot read ${JSON.stringify(value)}`);
  }

  const allowed = new Map<string, Map<string, Set<string>>>();
  for (const { stack, resource } of all) {
    // What does not fit into a role's own policy any more, the CDK puts into a managed one
    if (resource.Type !== "AWS::IAM::Policy" && resource.Type !== "AWS::IAM::ManagedPolicy") continue;
    const [role] = resource.Properties.Roles as { Ref: string }[];
    const name = role?.Ref.replace(/Role[0-9A-F]{8}$/, "") ?? "";
    const actions = allowed.get(name) ?? new Map<string, Set<string>>();
    allowed.set(name, actions);
    const { Statement } = resource.Properties.PolicyDocument as { Statement: Json[] };
    for (const statement of Statement) {
      if (statement.Effect !== "Allow") throw new TypeError("a role is described by what it may do");
      for (const each of list(statement.Resource)) {
        const target = text(each, stack).replace(/^arn::s3:::suture-(?:dev|prod)-objects-/, "objects");
        const done = actions.get(target) ?? new Set();
        for (const action of list(statement.Action)) done.add(String(action).split(":")[1] ?? "");
        actions.set(target, done);
      }
    }
  }
  const shown = [...allowed].map(([name, actions]) => [
    name,
    [...actions].map(([target, done]) => `${target}: ${[...done].sort().join(" ")}`).sort(),
  ]);
  return Object.fromEntries(shown);
}

type Reader = (value: unknown, stack: string) => string;

/** What each exported name stands for. */
function exportsOf(templates: Templates): Map<string, (read: Reader) => string> {
  const found = new Map<string, (read: Reader) => string>();
  for (const [stack, template] of Object.entries(templates)) {
    for (const output of Object.values((template.toJSON().Outputs ?? {}) as Record<string, Json>)) {
      const name = (output.Export as { Name?: string } | undefined)?.Name;
      if (name !== undefined) found.set(name, (read) => read(output.Value, stack));
    }
  }
  return found;
}

function nameOf(resource: Resource | undefined, id: string): string {
  const properties = resource?.Properties ?? {};
  switch (resource?.Type ?? "") {
    case "AWS::DynamoDB::Table":
      return `tables/${String(properties.TableName).replace("suture-", "")}`;
    case "AWS::Logs::LogGroup":
      return "its own log";
    case "AWS::KMS::Key":
      return `keys/${id.replace(/[0-9A-F]{8}$/, "")}`;
    case "AWS::SecretsManager::Secret":
      return `secrets/${id.replace(/[0-9A-F]{8}$/, "")}`;
    case "AWS::SQS::Queue":
      return `queues/${id.replace(/[0-9A-F]{8}$/, "")}`;
    default:
      return id;
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}
