import { SutureError } from "../../../protocol/errors.ts";
import type { Piece } from "../object/object-file.ts";
import { isShort, isThroughTable, relocation } from "../object/relocations.ts";
import type { Destination, Part } from "./parts.ts";
import { type BoundLater, headerBytes, pageBytes, writeSharedObject } from "./shared-object.ts";

/** The agent brings no larger payload into a process. */
const maxImageBytes = 64 * 1024 * 1024;

/** A function of the payload under the name that it is found by. */
export type Export = { name: string; piece: Piece };

/** `jmp *slot(%rip)`, filled up to 8 bytes */
const stub = Buffer.from([0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc]);

/**
 * Links the parts of a payload into a shared object (docs/patch-format.md, "Payloads"). What lies in the target or in a library
 * is bound when the payload is brought into a process, which is near the target, so code reaches that as it did before.
 * @throws SutureError `unsupported` for code that was compiled in a way that cannot be moved
 */
export function linkPayload(parts: readonly Part[], exported: readonly Export[]): Buffer {
  const places = new Map<Piece, number>();
  const slots = new Map<string, { to: Destination; at: number }>();
  const stubs = new Map<string, number>();
  const needs = parts.flatMap(({ piece, references }) =>
    references.map(({ reference: { type }, to }) => ({ piece, type, to, key: keyOf(to) })),
  );

  let end = headerBytes;
  const place = (size: number, align: number): number => {
    const at = alignUp(end, align);
    end = at + size;
    return at;
  };
  const placeAll = (kind: Piece["kind"]) => {
    for (const { piece } of parts) if (piece.kind === kind) places.set(piece, place(piece.space, piece.align));
  };
  const isFarCall = ({ type, to }: (typeof needs)[number]) => to.in === "library" && type === relocation.call;
  placeAll("constant");
  for (const need of needs) {
    if ((!isThroughTable(need.type) && !isFarCall(need)) || slots.has(need.key)) continue;
    slots.set(need.key, { to: need.to, at: place(8, 8) });
  }
  const code = place(0, pageBytes);
  placeAll("code");
  for (const need of needs) if (isFarCall(need) && !stubs.has(need.key)) stubs.set(need.key, place(stub.length, 8));
  const variables = place(0, pageBytes);
  placeAll("variable");

  if (end > maxImageBytes) throw new SutureError("unsupported", "the payload takes more than 64 MiB of memory");
  const image = Buffer.alloc(end);
  image.fill(0xcc, code, variables);
  const later: BoundLater[] = [];
  const addressOf = (piece: Piece) => places.get(piece) ?? 0;
  const bindLater = (at: number, type: number, to: Destination, addend: number) => {
    const { offset } = to;
    if (to.in === "target")
      later.push({ at, type, symbol: { name: to.name, address: to.address }, addend: offset + addend });
    else if (to.in === "library") later.push({ at, type, symbol: to.symbol, addend: offset + addend });
    else later.push({ at, type, symbol: null, addend: addressOf(to.piece) + to.offset + addend });
  };

  for (const { piece } of parts) piece.bytes.copy(image, addressOf(piece));
  for (const { to, at } of slots.values()) bindLater(at, relocation.absolute, to, 0);
  for (const [key, at] of stubs) {
    stub.copy(image, at);
    image.writeInt32LE((slots.get(key)?.at ?? 0) - (at + 6), at + 2);
  }
  for (const { piece, references } of parts) {
    for (const { reference, to } of references) {
      const { type, addend } = reference;
      const at = addressOf(piece) + reference.at;
      const key = keyOf(to);
      if (isThroughTable(type)) image.writeInt32LE((slots.get(key)?.at ?? 0) + addend - at, at);
      else if (type === relocation.absolute) bindLater(at, type, to, addend);
      else if (isShort(type) && to.in !== "library") bindLater(at, relocation.signed32, to, addend);
      else if (type !== relocation.distance && type !== relocation.call) throw unmovable(piece, type);
      else if (to.in === "payload") image.writeInt32LE(addressOf(to.piece) + to.offset + addend - at, at);
      else if (to.in === "target") bindLater(at, relocation.distance, to, addend);
      else if (type === relocation.call) image.writeInt32LE((stubs.get(key) ?? 0) + addend - at, at);
      else
        throw new SutureError(
          "unsupported",
          `${piece.name} reaches ${to.symbol.name} in a library directly; compile with -fPIC`,
        );
    }
  }
  return writeSharedObject({
    image,
    code,
    variables,
    later,
    exported: exported.map(({ name, piece }) => ({ name, at: addressOf(piece), size: piece.size })),
  });
}

function keyOf(to: Destination): string {
  const place = to.in === "payload" ? to.piece.name : to.in === "target" ? to.address : JSON.stringify(to.symbol);
  return `${to.in} ${place}+${to.offset}`;
}

function unmovable(piece: Piece, type: number): SutureError {
  return new SutureError("unsupported", `${piece.name} has a relocation of type ${type}; compile with -fPIE or -fPIC`);
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
