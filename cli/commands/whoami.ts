import type { Command } from "commander";
import { Whoami } from "../../protocol/wire/account.ts";
import { read } from "../client.ts";
import { action, type Io } from "../io.ts";
import { signedIn } from "../session.ts";

export function whoami(program: Command, io: Io): void {
  program
    .command("whoami")
    .description("Say whom the token speaks for")
    .addHelpText("after", "\nExample:\n  $ suture whoami")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const said = await read(client.api.whoami.$get(), Whoami);
        const { kind, tenant, role } = said.principal;
        const limits = said.scopes === undefined ? "" : `, limited to ${said.scopes.join(", ")}`;
        return { json: said, lines: [`${kind} ${tenant}, ${role} (${said.label})${limits}, until ${said.expiresAt}`] };
      }),
    );
}
