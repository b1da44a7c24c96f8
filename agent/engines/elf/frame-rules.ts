import { ByteReader } from "../../../protocol/elf/byte-reader.ts";
import { SutureError } from "../../../protocol/errors.ts";

/** Where something lies: at a register, by DWARF's numbers, plus an offset; or where an expression of a few operations says. */
export type Place = { register: number; offset: number } | { expression: Buffer };
/** A caller's register: still in place, gone, or in memory, so many bytes from the frame's address or where an expression says. */
type Saved = "kept" | "gone" | { fromFrame: number } | { expression: Buffer };
/** How to get from a frame to that of its caller. */
export type Rules = { frame: Place | null; saved: ReadonlyMap<number, Saved> };
/** Units of the programs of one file's functions. */
export type Factors = { code: number; data: number };

export const noRules: Rules = { frame: null, saved: new Map() };
/** Real programs have at most a few kilobytes, a few states and some twenty registers: what is hostile has more. */
const maxProgramBytes = 65_536;
const maxStates = 64;
const registers = 128;

/**
 * Runs the program that makes a function's rules, from the rules at its entry to those at an offset into its code.
 * Throws `unsupported` for an operation that has no meaning here, and `RangeError` where the program is cut off.
 *
 * @see DWARF 5, 6.4.2 and table 7.29
 */
export function rulesAt(program: Buffer, factors: Factors, entry: Rules, offset: number): Rules {
  if (program.length > maxProgramBytes) throw notUnderstood("a description is too long");
  const reader = new ByteReader(program);
  const states: Rules[] = [];
  let { frame } = entry;
  let saved = new Map(entry.saved);
  let place = 0;
  const save = (register: number, how: Saved | undefined) => {
    if (register >= registers) throw notUnderstood(`register ${register}`);
    if (how === undefined) saved.delete(register);
    else saved.set(register, how);
  };
  const moveFrame = (by: Partial<{ register: number; offset: number }>) => {
    if (!frame || "expression" in frame) throw notUnderstood("a frame is changed that is at no register");
    frame = { ...frame, ...by };
  };
  const expression = () => ({ expression: reader.bytes(reader.leb()) });
  while (reader.hasMore) {
    const code = reader.number(1);
    const operation = code >> 6 === 0 ? code : code & 0xc0;
    switch (operation) {
      case 0x00:
        break;
      case 0x40: // advance_loc, and with 1, 2 and 4 bytes
      case 0x02:
      case 0x03:
      case 0x04:
        place += (operation === 0x40 ? code & 0x3f : reader.number(2 ** (operation - 2))) * factors.code;
        if (place > offset) return { frame, saved };
        break;
      case 0x80: // offset
        save(code & 0x3f, { fromFrame: reader.leb() * factors.data });
        break;
      case 0x05: // offset_extended
        save(reader.leb(), { fromFrame: reader.leb() * factors.data });
        break;
      case 0x11: // offset_extended_sf
        save(reader.leb(), { fromFrame: reader.leb(true) * factors.data });
        break;
      case 0xc0: // restore
      case 0x06: {
        const register = operation === 0xc0 ? code & 0x3f : reader.leb();
        save(register, entry.saved.get(register));
        break;
      }
      case 0x07: // undefined
        save(reader.leb(), "gone");
        break;
      case 0x08: // same_value
        save(reader.leb(), "kept");
        break;
      case 0x10:
        save(reader.leb(), expression());
        break;
      case 0x0a: // remember_state
        if (states.length >= maxStates) throw notUnderstood("too many states are kept");
        states.push({ frame, saved: new Map(saved) });
        break;
      case 0x0b: {
        // restore_state
        const kept = states.pop();
        if (!kept) throw notUnderstood("a state is wanted that nobody kept");
        frame = kept.frame;
        saved = new Map(kept.saved);
        break;
      }
      case 0x0c: // def_cfa
        frame = { register: reader.leb(), offset: reader.leb() };
        break;
      case 0x12: // def_cfa_sf
        frame = { register: reader.leb(), offset: reader.leb(true) * factors.data };
        break;
      case 0x0d: // def_cfa_register
        moveFrame({ register: reader.leb() });
        break;
      case 0x0e: // def_cfa_offset
        moveFrame({ offset: reader.leb() });
        break;
      case 0x13: // def_cfa_offset_sf
        moveFrame({ offset: reader.leb(true) * factors.data });
        break;
      case 0x0f: // def_cfa_expression
        frame = expression();
        break;
      case 0x2e: // GNU_args_size
        reader.leb();
        break;
      default:
        throw notUnderstood(`operation ${operation}`);
    }
  }
  return { frame, saved };
}

/** Why the callers of some code cannot be found. */
export function notUnderstood(what: string, cause?: unknown): SutureError {
  return new SutureError("unsupported", `the calls on a stack cannot be followed: ${what}`, { cause });
}
