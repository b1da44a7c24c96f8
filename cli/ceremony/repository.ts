import type { z } from "zod";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { OperatorRole, ServiceRole } from "../../protocol/wire/service.ts";
import { RoleAccepted, type RoleUpdate, RoleView } from "../../protocol/wire/vendor.ts";
import { at, type Client, read } from "../client.ts";

/** A TUF repository as its owners change it: a vendor's, or the service's own. */
export type Repository = {
  name: string;
  /** `vendor` or `service`: whose commands sign and submit */
  kind: "vendor" | "service";
  /** whether its owners sign a role; the rest is signed by the service itself */
  owns(role: string): boolean;
  /** the newest accepted version of a role; undefined where there is none yet */
  newest(role: string): Promise<RoleView | undefined>;
  /** Sends the next version of a role. @throws SutureError the service's refusals */
  send(role: string, update: z.input<typeof RoleUpdate>): Promise<RoleAccepted>;
};

/** A vendor's repository, as its publisher reaches it. */
export function vendorRepository({ api }: Client, vendor: string): Repository {
  const routes = api.vendors[":vendor"].metadata[":role"];
  return {
    name: vendor,
    kind: "vendor",
    owns: () => true,
    newest: (role) => unlessMissing(read(routes.$get({ param: at({ vendor, role }) }), RoleView)),
    send: (role, json) => read(routes.$put({ param: at({ vendor, role }), json }), RoleAccepted),
  };
}

/** The service's own repository, as operators reach it. @throws SutureError `invalid-request` for a role that it does not have */
export function serviceRepository({ api }: Client): Repository {
  const routes = api.service.metadata[":serviceRole"];
  return {
    name: "service",
    kind: "service",
    owns: (role) => OperatorRole.safeParse(role).success,
    newest: (role) =>
      unlessMissing(read(routes.$get({ param: { serviceRole: parseWith(ServiceRole, role, "role") } }), RoleView)),
    send: (role, json) =>
      read(routes.$put({ param: { serviceRole: parseWith(OperatorRole, role, "role") }, json }), RoleAccepted),
  };
}

/** The newest text of a role. @throws SutureError `not-found` where there is none yet */
export async function newestText(repository: Repository, role: string): Promise<string> {
  const view = await repository.newest(role);
  if (view === undefined) throw new SutureError("not-found", `${repository.name} has no ${role} yet`);
  return view.text;
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isSutureError(error, "not-found")) return undefined;
    throw error;
  }
}
