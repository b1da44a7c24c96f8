import { readFileSync } from "node:fs";
import { ifReadable } from "./proc.ts";

/** A user's name by the host's own list of users, else `uid N`. The list is read anew each time: it may change. @see passwd(5) */
export function userName(uid: number): string {
  const lines = (ifReadable(() => readFileSync("/etc/passwd", "utf8")) ?? "").split("\n");
  const [name] = lines.map((line) => line.split(":")).find(([, , number]) => number === String(uid)) ?? [];
  return name === undefined || name === "" ? `uid ${uid}` : name;
}
