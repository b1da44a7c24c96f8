import type { FC } from "hono/jsx";
import { texts } from "../texts.ts";

/** A text to take away, such as a command; the button copies it where the browser lets it. */
export const Copy: FC<{ text: string }> = ({ text }) => (
  <div class="copy">
    <pre>
      <code>{text}</code>
    </pre>
    <button type="button" class="quiet-button" data-copied={texts.copied} hidden>
      {texts.copy}
    </button>
  </div>
);
