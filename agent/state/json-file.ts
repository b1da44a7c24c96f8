import type { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { readBytes, removeDurably, writeDurably } from "../system/files.ts";

/**
 * A file that holds one JSON value of a schema, replaced as a whole. What a release adds to it must have a default, and be nothing that an
 * earlier one may not pass over: that one reads it where the newer is taken back.
 */
export type JsonFile<T> = {
  /** Undefined where there is no file. Throws `state-damaged`. */
  read(): T | undefined;
  /** Returns once it is on the disk. */
  write(value: T): void;
  remove(): void;
};

/** The JSON file at `path`, for its owner only. */
export function jsonFile<S extends z.ZodType>(path: string, schema: S): JsonFile<z.output<S>> {
  return {
    read() {
      const bytes = readBytes(path);
      return bytes === undefined ? undefined : parseJson(schema, bytes.toString("utf8"), path, "state-damaged");
    },
    write: (value) => writeDurably(path, JSON.stringify(value)),
    remove: () => removeDurably(path),
  };
}

/** Reads what must be there. Throws `state-damaged` where it is not. */
export function required<T>(file: JsonFile<T>, what: string): T {
  const value = file.read();
  if (value === undefined) throw new SutureError("state-damaged", `${what} is missing from the state directory`);
  return value;
}
