import { tableName, tables } from "../../../functions/stores/tables.ts";
import type { FunctionName } from "../../../infra/bundles.ts";
import { listen } from "../../../infra/local/listen.ts";
import { readAccess } from "../access.ts";
import { functionIds } from "../bundled-tables.ts";
import { synthesize } from "../templates.ts";

type Called = { TableName?: string; IndexName?: string };
type Input = Called & { TransactItems?: Record<string, Called>[]; RequestItems?: Record<string, unknown> };

/** What a function did that its role does not allow. */
type Refusal = { function: FunctionName; action: string };

/**
 * A door before the database for each function, which asks the role that production would give it, as IAM does: what the role lacks is
 * refused, and noted.
 */
export async function startRoles(database: string) {
  const template = synthesize();
  const parts = ["data", "signing", "jobs", "edge", "api"] as const;
  const access = readAccess(Object.fromEntries(parts.map((part) => [part, template("prod", part)])));
  const refusals: Refusal[] = [];
  const doors = await Promise.all(
    Object.entries(functionIds).map(async ([name, construct]) => {
      const allowed = new Set(access[construct]?.flatMap(actionsOf));
      const door = await listen(0);
      door.serve(async (request) => {
        const body = await request.text();
        const operation = request.headers.get("x-amz-target")?.split(".")[1] ?? "";
        const lacking = actionsIn(operation, JSON.parse(body) as Input).filter((action) => !allowed.has(action));
        for (const action of lacking) refusals.push({ function: name as FunctionName, action });
        if (lacking.length > 0) {
          const __type = "com.amazon.coral.service#AccessDeniedException";
          return Response.json({ __type, message: `not authorized: ${lacking.join(", ")}` }, { status: 400 });
        }
        const headers = new Headers(request.headers);
        for (const hop of ["host", "connection", "content-length"]) headers.delete(hop);
        return await fetch(database, { method: "POST", headers, body });
      });
      return [name, door] as const;
    }),
  );
  return {
    endpointOf: (name: FunctionName) => doors.find(([each]) => each === name)?.[1].url ?? "",
    refusals,
    stop: async () => void (await Promise.all(doors.map(([, door]) => door.close()))),
  };
}

/** `tables/roles: GetItem PutItem` as `GetItem tables/roles` and `PutItem tables/roles`. */
function actionsOf(line: string): string[] {
  const [target = "", operations = ""] = line.split(": ");
  return operations.split(" ").map((operation) => `${operation} ${target}`);
}

/** The writes of a transaction, as IAM names the rights that they take. */
const inTransaction: Record<string, string> = { Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem" };

function actionsIn(operation: string, { TransactItems = [], RequestItems = {}, ...called }: Input): string[] {
  if (operation === "TransactWriteItems") {
    return TransactItems.flatMap((item) =>
      Object.entries(item).map(([kind, each]) => `${inTransaction[kind] ?? kind} ${resourceOf(each)}`),
    );
  }
  if (operation === "BatchGetItem") {
    return Object.keys(RequestItems).map((TableName) => `${operation} ${resourceOf({ TableName })}`);
  }
  return [`${operation} ${resourceOf(called)}`];
}

function resourceOf({ TableName, IndexName }: Called): string {
  const table = Object.values(tables).find((each) => tableName(each) === TableName)?.name ?? TableName;
  return IndexName === undefined ? `tables/${table}` : `tables/${table}/index/${IndexName}`;
}
