import { type Bytes, concatBytes } from '../../../../src/base/bytes.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { pick } from './mutate-bytes.ts';
import type { Mutator } from '../target.ts';

/** A tag-length-value with its parts; octets in front of encapsulated parts (the unused bits of a BIT STRING) in `lead`. */
interface Node {
  tag: number;
  lead: Bytes;
  children: Node[] | undefined;
  content: Bytes;
}

const DEPTH_MAX = 24;
const TAGS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1f, 0x30, 0x31, 0x80, 0x82, 0xa0, 0xa1,
  0xa3,
];

/** Changes the tree and writes it with right lengths, so that what lies deep is reached. */
export const mutateDer: Mutator = (random, corpus) => {
  const tree = readNodes(pick(random, corpus), 0) ?? [];
  const all = flatten(tree);
  if (all.length === 0) return new Uint8Array(0);
  for (let n = 1 + random.below(3); n > 0; n--) changeOnce(random, pick(random, all), all, corpus);
  return concatBytes(...tree.map((node) => write(random, node, 0)));
};

function changeOnce(random: SeededRandom, node: Node, all: readonly Node[], corpus: readonly Bytes[]): void {
  const { children } = node;
  const other = (): Node => {
    const found = flatten(readNodes(pick(random, corpus), 0) ?? []);
    return found.length === 0 ? node : pick(random, found);
  };
  switch (random.below(9)) {
    case 0:
      node.tag = random.chance(0.7) ? pick(random, TAGS) : random.below(256);
      return;
    case 1:
      children?.splice(random.below(children.length + 1), 1);
      return;
    case 2:
      if (children !== undefined && children.length > 0)
        children.push(...Array.from({ length: random.chance(0.05) ? 300 : 1 }, () => pick(random, children)));
      return;
    case 3:
      Object.assign(node, structuredClone(other()));
      return;
    case 4:
      children?.reverse();
      return;
    case 5:
      node.children = undefined;
      node.content = random.bytes(random.below(random.chance(0.1) ? 600 : 24));
      return;
    case 6:
      node.content = new Uint8Array(node.content);
      if (node.content.length > 0) node.content[random.below(node.content.length)] = random.below(256);
      return;
    case 7: {
      const inner = structuredClone(node);
      Object.assign(node, { tag: 0x30, lead: new Uint8Array(0), children: [inner] });
      return;
    }
    default: {
      const { children: parts } = pick(random, all);
      parts?.splice(random.below(parts.length + 1), 0, structuredClone(other()));
    }
  }
}

function flatten(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children ?? [])]);
}

/** `undefined` where the bytes are no sequence of elements. */
function readNodes(bytes: Bytes, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const first = bytes[at + 1];
    if (first === undefined || first === 0x80 || first > 0x83) return undefined;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    let length = first < 0x80 ? first : 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
    const start = at + 2 + lengthBytes;
    if (start + length > bytes.length) return undefined;
    nodes.push(nodeOf(tag, bytes.subarray(start, start + length), depth));
    at = start + length;
  }
  return nodes;
}

function nodeOf(tag: number, content: Bytes, depth: number): Node {
  const isConstructed = (tag & 0x20) !== 0;
  const lead = tag === 0x03 ? content.subarray(0, 1) : content.subarray(0, 0);
  const mayNest = isConstructed || tag === 0x03 || tag === 0x04;
  const inner = content.subarray(lead.length);
  const children = mayNest && depth < DEPTH_MAX && inner.length > 1 ? readNodes(inner, depth + 1) : undefined;
  return { tag, lead, children, content };
}

function write(random: SeededRandom, node: Node, depth: number): Bytes {
  const parts = depth > 2 * DEPTH_MAX ? [] : (node.children ?? []);
  const content =
    node.children === undefined
      ? node.content
      : concatBytes(node.lead, ...parts.map((part) => write(random, part, depth + 1)));
  return concatBytes(Uint8Array.of(node.tag), lengthOf(random, content.length), content);
}

/** Now and then not the shortest form, which DER forbids. */
function lengthOf(random: SeededRandom, length: number): Bytes {
  const isLong = random.chance(0.002);
  if (length < 0x80 && !isLong) return Uint8Array.of(length);
  if (length < 0x100 && !isLong) return Uint8Array.of(0x81, length);
  if (length < 0x1_0000) return Uint8Array.of(0x82, length >> 8, length & 0xff);
  return Uint8Array.of(0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
}
