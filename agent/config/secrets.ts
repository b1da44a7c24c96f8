/** A user and a password in an address, which nobody is shown and which no file for everybody may hold. */
const credentials = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#"]*:[^\s/?#"]+(?=@)/gi;

/** Whether a value of the configuration holds a password. */
export function holdsSecret(value: unknown): boolean {
  return JSON.stringify(value)?.search(credentials) >= 0;
}

/** Text with the passwords of its addresses left out. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(credentials, (both) => `${both.slice(0, both.indexOf(":"))}:***`);
}

/** Likewise a value of the configuration. */
export function shownValue(value: unknown): unknown {
  return JSON.parse(withoutSecrets(JSON.stringify(value ?? null)));
}
