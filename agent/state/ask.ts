import { join } from "node:path";
import { readBytes, removeDurably, writeDurably } from "../system/files.ts";

/** Not ending as a hold's file does, in the one folder that an agent watches. */
const name = "check-in.asked";

/** Asks the agent that runs here to check in now. */
export function askForCheckIn({ holdsDirectory }: { holdsDirectory: string }): void {
  writeDurably(join(holdsDirectory, name), "");
}

/** Whether that was asked since the last time. */
export function takeAsk({ holdsDirectory }: { holdsDirectory: string }): boolean {
  const path = join(holdsDirectory, name);
  if (readBytes(path) === undefined) return false;
  removeDurably(path);
  return true;
}
