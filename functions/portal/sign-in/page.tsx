import type { FC } from "hono/jsx";
import type { Principal } from "../../../protocol/wire/account.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { texts } from "../texts.ts";

const { signIn: words } = texts;

type Props = { next: string; refusal?: string; hasProvider: boolean };

/** `next` is where to go once signed in; `refusal` why the last try failed. */
export const SignInPage: FC<Props> = ({ next, refusal, hasProvider }) => (
  <section class="sign-in">
    <h1>{words.title}</h1>
    {hasProvider && (
      <p>
        <a class="button" href={hrefWith("/sign-in/provider", { next: next === "/" ? undefined : next })}>
          {words.withProvider}
        </a>
      </p>
    )}
    {hasProvider ? (
      <details open={refusal !== undefined}>
        <summary>{words.withToken}</summary>
        <TokenForm next={next} {...(refusal !== undefined && { refusal })} />
      </details>
    ) : (
      <TokenForm next={next} {...(refusal !== undefined && { refusal })} />
    )}
  </section>
);

const TokenForm: FC<{ next: string; refusal?: string }> = ({ next, refusal }) => (
  <>
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
        <p id="refusal" class="failing" role="alert">
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
  </>
);

/** Whoever may be in several places says where to. */
export const PlacesPage: FC<{ places: readonly Principal[] }> = ({ places }) => (
  <section class="sign-in">
    <h1>{words.whereTo}</h1>
    <form method="post" action="/sign-in/choose">
      {places.map(({ kind, tenant, role }) => (
        <button type="submit" name="place" value={`${kind}/${tenant}`} class="quiet-button place">
          <strong>{tenant}</strong> <small>{words.place(words.kinds[kind], texts.roles[role])}</small>
        </button>
      ))}
    </form>
  </section>
);

/** `leave` is where the identity provider is left too. */
export const SignedOutPage: FC<{ leave: string | undefined }> = ({ leave }) => (
  <section class="sign-in">
    <h1>{words.out}</h1>
    <p>
      <a class="button" href="/sign-in">
        {words.again}
      </a>
    </p>
    {leave !== undefined && (
      <p class="advice">
        {words.stillThere} <a href={leave}>{words.leave}</a>
      </p>
    )}
  </section>
);
