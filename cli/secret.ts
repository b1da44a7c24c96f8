import { SutureError } from "../protocol/errors.ts";
import { readText } from "./key-files.ts";

/** What a file holds, without the newline at its end: a secret is never an argument, which others could list. */
export async function secretFrom(option: string, file: string | undefined): Promise<string> {
  const text = file === undefined ? undefined : await readText(file);
  if (text === undefined) throw new SutureError("invalid-request", `${option} ${file ?? ""} cannot be read`);
  return text.trim();
}
