import { en, type Texts } from "./texts/en.ts";

/** Everything that the portal says. Another language is another file of this type beside `texts/en.ts`. */
export const texts: Texts = en;
