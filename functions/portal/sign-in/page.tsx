import type { FC } from "hono/jsx";
import { texts } from "../texts.ts";

const { signIn: words } = texts;

/** `next` is where to go once signed in; `refusal` why the last try failed. */
export const SignInPage: FC<{ next: string; refusal?: string }> = ({ next, refusal }) => (
  <section class="sign-in">
    <h1>{words.title}</h1>
    <form method="post" action="/sign-in">
      <label for="token">{words.token}</label>
      <input
        id="token"
        type="password"
        name="token"
        required
        autocomplete="current-password"
        aria-describedby={refusal ? "refusal" : "hint"}
        aria-invalid={refusal ? "true" : undefined}
      />
      {refusal ? (
        <p id="refusal" class="refusal" role="alert">
          {refusal}
        </p>
      ) : (
        <small id="hint">{words.hint}</small>
      )}
      <input type="hidden" name="next" value={next} />
      <button type="submit">{words.submit}</button>
    </form>
    <p class="advice">
      {words.how}
      <br />
      <code>{words.command}</code>
    </p>
  </section>
);
