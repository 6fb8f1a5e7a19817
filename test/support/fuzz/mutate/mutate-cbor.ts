import { type Bytes, concatBytes, utf8 } from '../../../../src/base/bytes.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { pick } from './mutate-bytes.ts';
import type { Mutator } from '../target.ts';

/** A data item of CBOR: its head, and what follows it; a byte string that holds an item has it in `items`. */
interface Item {
  major: number;
  value: number;
  content: Bytes | undefined;
  items: Item[] | undefined;
}

const DEPTH_MAX = 16;
const ODD_NUMBERS = [
  0,
  1,
  15,
  16,
  18,
  23,
  24,
  31,
  32,
  34,
  63,
  64,
  255,
  256,
  65_535,
  65_536,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
];
const ODD_TEXTS = [
  '',
  'a',
  'type',
  'é',
  '\u{1f600}',
  'role:',
  '[::1]:0',
  'x'.repeat(64),
  'indicator',
  'sensor/a',
  'record',
];

/** Changes the tree and writes it with right lengths; behind a length of four octets where the valid input has one. */
export const mutateCbor: Mutator = (random, corpus) => {
  const item = readItem(pick(random, corpus), 0, 0)?.item;
  if (item === undefined) return new Uint8Array(0);
  for (let n = 1 + random.below(3); n > 0; n--) changeOnce(random, item, corpus);
  return write(random, item, 0);
};

function changeOnce(random: SeededRandom, tree: Item, corpus: readonly Bytes[]): void {
  const node = pick(random, flatten(tree));
  const { items } = node;
  switch (random.below(8)) {
    case 0:
      node.major = random.below(8);
      return;
    case 1:
      node.value = pick(random, ODD_NUMBERS);
      return;
    case 2:
      if (items !== undefined && items.length > 0) items.splice(random.below(items.length), 1);
      return;
    case 3:
      if (items !== undefined && items.length > 0)
        items.push(...Array.from({ length: random.chance(0.05) ? 600 : 1 }, () => pick(random, items)));
      return;
    case 4: {
      const other = readItem(pick(random, corpus), 0, 0)?.item;
      if (other !== undefined) Object.assign(node, structuredClone(pick(random, flatten(other))));
      return;
    }
    case 5:
      if (node.major === 2) Object.assign(node, { content: random.bytes(random.below(80)), items: undefined });
      if (node.major === 3) node.content = utf8(pick(random, ODD_TEXTS));
      return;
    case 6:
      items?.reverse();
      return;
    default:
      Object.assign(node, { major: 4, value: 1, content: undefined, items: [structuredClone(node)] });
  }
}

function flatten(item: Item): Item[] {
  return [item, ...(item.items ?? []).flatMap(flatten)];
}

function readItem(bytes: Bytes, at: number, depth: number): { readonly item: Item; readonly end: number } | undefined {
  const head = bytes[at];
  if (head === undefined || depth > DEPTH_MAX) return undefined;
  const major = head >> 5;
  const short = head & 0x1f;
  if (short > 27) return undefined;
  const extra = short < 24 ? 0 : 1 << (short - 24);
  let value = short < 24 ? short : 0;
  for (let i = 0; i < extra; i++) value = value * 256 + (bytes[at + 1 + i] ?? 0);
  let end = at + 1 + extra;
  const item: Item = { major, value, content: undefined, items: undefined };
  if (major === 2 || major === 3) {
    if (end + value > bytes.length) return undefined;
    item.content = bytes.slice(end, end + value);
    end += value;
    if (major === 2 && value > 8) {
      const inner = readItem(item.content, 0, depth + 1);
      if (inner?.end === value) item.items = [inner.item];
    }
    return { item, end };
  }
  const count = major === 4 ? value : major === 5 ? 2 * value : major === 6 ? 1 : 0;
  if (count > bytes.length) return undefined;
  if (major >= 4 && major <= 6) item.items = [];
  for (let i = 0; i < count; i++) {
    const child = readItem(bytes, end, depth + 1);
    if (child === undefined) return undefined;
    item.items?.push(child.item);
    end = child.end;
  }
  return { item, end };
}

function write(random: SeededRandom, { major, value, content, items }: Item, depth: number): Bytes {
  const parts = depth > 2 * DEPTH_MAX ? [] : (items ?? []).map((item) => write(random, item, depth + 1));
  switch (major) {
    case 2:
    case 3: {
      const inner = items === undefined ? (content ?? new Uint8Array(0)) : concatBytes(...parts);
      return concatBytes(head(random, major, inner.length), inner);
    }
    case 4:
    case 5: {
      const count = major === 4 ? parts.length : parts.length >> 1;
      return concatBytes(head(random, major, random.chance(0.01) ? value : count), ...parts);
    }
    case 6:
      return concatBytes(head(random, 6, value), ...parts);
    default:
      return head(random, major, value);
  }
}

/** Now and then not the shortest form, or an indefinite length, which deterministic CBOR forbids. */
function head(random: SeededRandom, major: number, value: number): Bytes {
  const top = major << 5;
  if (random.chance(0.001)) return Uint8Array.of(top | 31);
  const isLong = random.chance(0.002);
  if (value < 24 && !isLong) return Uint8Array.of(top | value);
  if (value < 0x100 && !isLong) return Uint8Array.of(top | 24, value);
  if (value < 0x1_0000) return Uint8Array.of(top | 25, value >> 8, value & 0xff);
  const out = new Uint8Array(value < 2 ** 32 ? 5 : 9);
  const view = new DataView(out.buffer);
  if (out.length === 5) view.setUint32(1, value);
  else view.setBigUint64(1, BigInt(value));
  out[0] = top | (out.length === 5 ? 26 : 27);
  return out;
}
