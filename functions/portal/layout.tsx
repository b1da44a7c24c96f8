import { raw } from "hono/html";
import type { Child, FC } from "hono/jsx";
import type { SignIn } from "../vendor-api/auth.ts";
import { isUnder, navigation } from "./navigation.ts";
import { texts } from "./texts.ts";

/** What changes by itself while the page is open: its markup, its ETag, and the address that it is read again from. */
type Live = { html: string; etag: string; href: string };
/** Who looks, and at what. */
type Nav = { signIn: SignIn; path: string };
type Props = { title: string; nav?: Nav | undefined; live?: Live; children?: Child };

/** How often an open page asks whether anything changed. */
const pollEvery = "2s";
/** Answers other than a page leave what is shown as it is; `open` is the reader's, not the server's. */
const htmxConfig = {
  extensions: "etag",
  history: false,
  includeIndicatorCSS: false,
  noSwap: [204, 304, "3xx", "4xx", "5xx"],
  morphIgnore: ["data-htmx-powered", "open"],
};

/** The frame of every page. `children` stand above what is live and are left alone. */
export const Layout: FC<Props> = ({ title, nav, live, children }) => (
  <html lang={texts.lang}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={JSON.stringify(htmxConfig)} />
      <title>{`${title} · ${texts.product}`}</title>
      <link rel="icon" href="/assets/suture.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/assets/pico.css" />
      <link rel="stylesheet" href="/assets/portal.css" />
      {nav && <script src="/assets/copy.js" defer />}
      {nav && <script src="/assets/export.js" defer />}
      {live && <script src="/assets/htmx.js" defer />}
      {live && <script src="/assets/portal.js" defer />}
    </head>
    <body class={nav && "framed"}>
      <a class="skip" href="#main">
        {texts.nav.skip}
      </a>
      <header>
        <a class="brand" href="/">
          <img src="/assets/suture.svg" alt="" width="22" height="22" />
          {texts.product}
        </a>
        {nav && <Navigation {...nav} />}
      </header>
      <main id="main">
        <p id="connection" role="status" hidden>
          {texts.connectionLost}
        </p>
        {children}
        {live && (
          <div
            id="live"
            data-etag={live.etag}
            hx-get={live.href}
            hx-trigger={`every ${pollEvery}`}
            hx-swap="innerMorph"
            hx-sync="this:drop"
          >
            {raw(live.html)}
          </div>
        )}
      </main>
    </body>
  </html>
);

const Navigation: FC<Nav> = ({ signIn: { principal, user, label }, path }) => (
  <>
    <nav aria-label={texts.nav.label}>
      {navigation[principal.kind].map((group) => (
        <ul>
          {group.map(({ href, word }) => (
            <li>
              <a href={href} aria-current={isUnder(href, path) ? "page" : undefined}>
                {word}
              </a>
            </li>
          ))}
        </ul>
      ))}
    </nav>
    <form method="post" action="/sign-out">
      <div class="account">
        <strong>{principal.tenant}</strong>
        <small class="advice">{`${user ?? label} · ${texts.roles[principal.role]}`}</small>
      </div>
      <button type="submit" class="quiet-button">
        {texts.nav.signOut}
      </button>
    </form>
  </>
);
