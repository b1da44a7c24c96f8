import { spelledName } from "./definitions.ts";

/**
 * Whether a name at a function's address is another name of the function, rather than one of a second function that the linker folded into
 * the same code. Where the patch lists `aliases`, as `suture build elf` does from the object files, these count; else names of one
 * family, as compilers and C libraries make them: `__read`, `__libc_read` and `read`, `f.localalias`, versions, a constructor's two symbols.
 */
export function isAlias(
  other: string,
  { name, aliases }: { name: string; aliases?: readonly string[] | undefined },
): boolean {
  const plain = spelledName(other).name;
  if ([name, ...(aliases ?? [])].some((known) => spelledName(known).name === plain)) return true;
  if (aliases !== undefined) return localAlias.test(other);
  return familyOf(other) === familyOf(name);
}

/** What gcc calls a function for calls from its own file. */
const localAlias = /\.(?:localalias|lto_priv)(?:\.\d+)?$/;

function familyOf(text: string): string {
  const name = spelledName(text).name.replace(localAlias, "");
  // the Itanium C++ ABI, 5.1.4.3: complete and base object constructors and destructors
  if (name.startsWith("_Z")) return name.replace(/C[12](?=E|I)/, "C").replace(/D[12](?=E|I)/, "D");
  return name
    .replace(/^_+/, "")
    .replace(/^(?:GI|libc|IO)_+/, "")
    .replace(/^_+/, "");
}
