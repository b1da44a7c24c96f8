import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { npmPart } from "./npm-part.ts";

/** A native build comes without a text of its own; it is its package's. */
const covered = /^@koromix\/koffi-/;

/** The licences' own texts, which most of them want to go with what they license. */
export async function licencesOf(places: readonly string[]): Promise<string> {
  const own = places.filter((place) => !covered.test(place));
  const texts = await Promise.all(own.map(async (place) => `${place}\n\n${await licenceOf(place)}`));
  return texts.join(`\n${"=".repeat(80)}\n`);
}

async function licenceOf(place: string): Promise<string> {
  const folder = await npmPart(place);
  const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${place} brings no text of its licence`);
  return await readFile(join(folder, file), "utf8");
}
