import type { FC } from "hono/jsx";
import type { Problem } from "../../../protocol/wire/problem.ts";
import { texts } from "../texts.ts";

/** What went wrong, as a page that a person can act on. */
export const ProblemPage: FC<{ problem: Problem }> = ({ problem: { title, detail, code } }) => (
  <section class="problem">
    <h1>{title}</h1>
    <p>{detail}</p>
    <p>
      <a href={code === "unauthorized" ? "/sign-in" : "/"}>
        {code === "unauthorized" ? texts.problem.signIn : texts.problem.home}
      </a>
    </p>
    <p class="advice">
      {texts.problem.code}: <code>{code}</code>
    </p>
  </section>
);
