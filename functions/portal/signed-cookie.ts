import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { jwtVerify, SignJWT } from "jose";
import type { z } from "zod";

type Keeper<S extends z.ZodType> = {
  name: string;
  schema: S;
  /** HMAC-SHA256; at least 32 random bytes */
  key: Uint8Array;
  now: Date;
  /** whether browsers reach the portal by TLS alone */
  isSecure: boolean;
};

/**
 * Keeps something in the browser until `expires`: signed, out of scripts' reach, and sent along when somebody follows a link to here,
 * from the identity provider or from a mail, but with no other site's form.
 */
export async function keep<S extends z.ZodType>(
  c: Context,
  { name, key, isSecure }: Keeper<S>,
  value: z.output<S> & Record<string, unknown>,
  expires: Date,
): Promise<void> {
  const signed = await new SignJWT(value)
    .setProtectedHeader({ alg: "HS256" })
    .setAudience(name)
    .setExpirationTime(expires)
    .sign(key);
  setCookie(c, name, signed, { path: "/", httpOnly: true, sameSite: "Lax", secure: isSecure, expires });
}

/** What is kept; undefined where nothing is, or what is there is forged, another's or over. */
export async function kept<S extends z.ZodType>(c: Context, keeper: Keeper<S>): Promise<z.output<S> | undefined> {
  const cookie = getCookie(c, keeper.name);
  if (cookie === undefined) return undefined;
  const options = { algorithms: ["HS256"], audience: keeper.name, currentDate: keeper.now };
  return await jwtVerify(cookie, keeper.key, options).then(
    ({ payload }) => keeper.schema.safeParse(payload).data,
    () => undefined,
  );
}

export function forget(c: Context, name: string): void {
  deleteCookie(c, name, { path: "/" });
}
