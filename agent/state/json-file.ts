import type { z } from "zod";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { readBytes, removeDurably, setAside, writeDurably } from "../system/files.ts";

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

/**
 * The same for what the agent can do without: one that is damaged is set aside, and counts as absent from then on. `status` says so.
 * Not for identity, journal, recalls and records of patches: without those the agent would act on less than it knew.
 */
export function cacheFile<S extends z.ZodType>(path: string, schema: S): JsonFile<z.output<S>> {
  const file = jsonFile(path, schema);
  return {
    ...file,
    read() {
      try {
        return file.read();
      } catch (error) {
        if (!isSutureError(error, "state-damaged")) throw error;
        setAside(path);
        return undefined;
      }
    },
  };
}

/** Reads what must be there. Throws `state-damaged` where it is not. */
export function required<T>(file: JsonFile<T>, what: string): T {
  const value = file.read();
  if (value === undefined) throw new SutureError("state-damaged", `${what} is missing from the state directory`);
  return value;
}
