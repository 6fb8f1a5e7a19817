/**
 * CBOR as RFC 8949 section 4.2.1 and spec 04 section 2 say it, written from there and not from `src/`: what both sides
 * got wrong in the same way would else never be seen.
 */
export type Item = number | bigint | boolean | string | Uint8Array | Raw | readonly Item[];

/** Bytes that are put where an item belongs, whatever they are. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(...bytes: readonly (number | Uint8Array)[]) {
    this.bytes = joined(bytes.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));
  }
}

/** The head of an item in its shortest form. */
export function head(major: number, argument: number | bigint): Uint8Array {
  const n = BigInt(argument);
  const first = major << 5;
  if (n < 24n) return Uint8Array.of(first | Number(n));
  const width = n < 1n << 8n ? 1 : n < 1n << 16n ? 2 : n < 1n << 32n ? 4 : 8;
  return longHead(major, n, width);
}

/** A head with its argument in 1, 2, 4 or 8 bytes, whether or not that is the shortest. */
export function longHead(major: number, argument: number | bigint, width: number): Uint8Array {
  const bytes = new Uint8Array(1 + width);
  bytes[0] = (major << 5) | (24 + Math.log2(width));
  for (let i = 0; i < width; i++) bytes[width - i] = Number((BigInt(argument) >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

export function encode(item: Item): Uint8Array {
  if (item instanceof Raw) return item.bytes;
  if (typeof item === 'boolean') return Uint8Array.of(item ? 0xf5 : 0xf4);
  if (typeof item === 'number' || typeof item === 'bigint') return head(0, item);
  if (typeof item === 'string') {
    const text = new TextEncoder().encode(item);
    return joined([head(3, text.length), text]);
  }
  if (item instanceof Uint8Array) return joined([head(2, item.length), item]);
  return joined([head(4, item.length), ...item.map(encode)]);
}

/** What frames are made of: unsigned integers, byte strings, text, arrays, truth values. */
export function decode(bytes: Uint8Array): Item {
  const [item, end] = read(bytes, 0);
  if (end !== bytes.length) throw new Error(`${bytes.length - end} bytes behind the item`);
  return item;
}

function read(bytes: Uint8Array, at: number): [Item, number] {
  const first = bytes[at] as number;
  const major = first >> 5;
  const info = first & 31;
  if (major === 7) return [info === 21, at + 1];
  let argument = info;
  let next = at + 1;
  if (info >= 24) {
    const width = 1 << (info - 24);
    argument = 0;
    for (let i = 0; i < width; i++) argument = argument * 256 + (bytes[next + i] as number);
    next += width;
  }
  if (major === 0) return [argument, next];
  if (major === 4) {
    const items: Item[] = [];
    for (let i = 0; i < argument; i++) {
      const [item, end] = read(bytes, next);
      items.push(item);
      next = end;
    }
    return [items, next];
  }
  const content = bytes.subarray(next, next + argument);
  if (major === 2) return [content, next + argument];
  if (major === 3) return [new TextDecoder().decode(content), next + argument];
  throw new Error(`major type ${major} is in no frame`);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
