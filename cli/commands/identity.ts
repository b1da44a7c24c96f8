import type { Command } from "commander";
import { NewApiToken } from "../../protocol/wire/account.ts";
import { IdentityProviderView } from "../../protocol/wire/members.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { read, serviceClient } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { secretFrom } from "../secret.ts";
import { serviceOf } from "../session.ts";
import { type TenantOptions, tenantOf, tenantParam, whose } from "../tenant.ts";

/** `identity show`, `identity set`, `identity sign-in`. */
export function identity(group: Command, io: Io): void {
  whose(group.command("show"))
    .description("Show a tenant's identity provider, and which role each group gives")
    .addHelpText("after", "\nExample:\n  $ suture identity show --customer globex")
    .action(
      action(io, async (options: TenantOptions) => {
        const { tenant, param } = await tenantOf(io, options);
        return shown(await read(tenant["identity-provider"].$get({ param }), IdentityProviderView));
      }),
    );
  whose(group.command("set"))
    .description("Say where a tenant's people sign in, and which role each group gives")
    .argument("<file>", "a JSON file: issuer, audience, jwks, groupsClaim, roles")
    .addHelpText("after", "\nExample:\n  $ suture identity set provider.json --customer globex")
    .action(
      action(io, async (options: TenantOptions, file: string) => {
        const provider = parseJson(IdentityProviderView, await secretFrom("file", file), file);
        const { tenant, param } = await tenantOf(io, options);
        return shown(await read(tenant["identity-provider"].$put({ param, json: provider }), IdentityProviderView));
      }),
    );
  whose(group.command("sign-in"))
    .description("Sign in with an ID token; your API token goes to standard output, this once")
    .requiredOption("--id-token-file <file>", "the file that holds it")
    .addHelpText("after", "\nExample:\n  $ suture identity sign-in --customer globex --id-token-file id > token")
    .action(
      action(io, async (options: TenantOptions & { idTokenFile?: string }) => {
        const idToken = await secretFrom("--id-token-file", options.idTokenFile);
        const { api } = serviceClient(serviceOf(io, options));
        const signIn = api[":tenants"][":tenant"]["sign-in"].$post({ param: tenantParam(options), json: { idToken } });
        const created = await read(signIn, NewApiToken);
        return {
          json: created,
          lines: [created.token],
          notes: [`You are ${created.label}, until ${created.expiresAt}.`],
        };
      }),
    );
}

function shown(provider: IdentityProviderView): Result {
  const roles = Object.entries(provider.roles).map(([group, role]) => `  ${group}: ${role}`);
  return { json: provider, lines: [`${provider.issuer}, groups in ${provider.groupsClaim}:`, ...roles] };
}
