/** Runs `read`; undefined where what it reads went away, which processes do at any moment. */
export function ifPresent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** Runs `read`; undefined where what it reads went away or is none of ours. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return ifPresent(read);
  } catch (error) {
    if (isSystemError(error, "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** Whether `error` is the system's, with one of the codes. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
