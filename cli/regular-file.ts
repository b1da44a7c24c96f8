import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { SutureError } from "../protocol/errors.ts";

/**
 * Opens a file, does something with it, and closes it. A FIFO, a device or a folder of that name is refused instead of waited for.
 * @throws SutureError `invalid-request` for what is not a regular file; the system's errors
 */
export async function withRegularFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new SutureError("invalid-request", `${path} is not a regular file`);
    return await use(file);
  } finally {
    await file.close();
  }
}
