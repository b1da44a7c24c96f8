import type { FC } from "hono/jsx";
import type { InvitationCreated } from "../../../protocol/wire/members.ts";
import { Copy } from "../parts/copy.tsx";
import { Input, Refusal } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { people: words, join } = texts;

/** An invitation, this once: the address that accepts it. */
export const InvitationPage: FC<{ created: InvitationCreated; origin: string }> = ({ created, origin }) => (
  <>
    <h1>{words.invite}</h1>
    <p>{words.invited(created.user)}</p>
    <Copy text={`${origin}/join`} />
    <Copy text={created.invitation} />
    <p class="advice">
      {words.onceShown} {words.invitedUntil(texts.exact(Date.parse(created.expiresAt)))}
    </p>
    <p>
      <a href="/people">{words.back}</a>
    </p>
  </>
);

/** Where an invited person comes in. */
export const JoinPage: FC<{ refusal?: string | undefined }> = ({ refusal }) => (
  <section class="sign-in">
    <h1>{join.title}</h1>
    {refusal !== undefined && <Refusal text={refusal} />}
    <form method="post" action="/join">
      <Input label={join.invitation} name="invitation" hint={join.hint} required />
      <button type="submit">{join.submit}</button>
    </form>
  </section>
);
