import { startTalker } from "../daemon.ts";
import { type Client, WrongReply } from "../load.ts";
import type { Conversation } from "./text.ts";
import { isLine } from "./text.ts";

let turns = 0;

/** A question with the line that answers it. */
export type Question = { line: string; answer: string };

/** Asks a conversation questions of which each is answered by one line. `make` gets another number each time. */
export function questioner(conversation: Conversation, make: (turn: number) => Question): Client {
  return {
    async ask() {
      const { line, answer } = make(turns++);
      const reply = await conversation.exchange(`${line}\n`, isLine);
      if (reply.trimEnd() !== answer) throw new WrongReply(`${JSON.stringify(reply)} to ${line} instead of ${answer}`);
      return true;
    },
    close: conversation.close,
  };
}

/** Starts a client program of its own for each connection, and talks to it by lines. */
export function childClient(
  command: string,
  args: readonly string[],
  make: (turn: number) => Question,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Client> {
  const { conversation } = startTalker(command, args, { env });
  return Promise.resolve(questioner(conversation, make));
}
