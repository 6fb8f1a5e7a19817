import { type Bytes, concatBytes } from '../base/bytes.ts';
import { putSha256, sha256 } from './hash.ts';

/** Most leaves of a tree: a path of at most six hashes. */
export const TREE_LEAVES_MAX = 64;
const HASH_BYTES = 32;

/** Where a leaf stands in its tree, and the hashes that lead from it to the root, lowest first. */
export interface MerklePath {
  readonly leafIndex: number;
  readonly treeSize: number;
  /** 32 bytes each, one after the other. */
  readonly siblings: Bytes;
}

export interface MerkleTree {
  readonly root: Bytes;
  /** In the order of the leaves. */
  readonly paths: readonly MerklePath[];
}

/** SHA-256(0x00 || data): a leaf can never be taken for a node within the tree (RFC 9162 section 2.1.1). */
export function merkleLeaf(data: Bytes): Bytes {
  const prefixed = new Uint8Array(1 + data.length);
  prefixed.set(data, 1);
  return sha256(prefixed);
}

/** The tree over 1 to {@link TREE_LEAVES_MAX} leaves, as RFC 9162 section 2.1 builds it. */
export function merkleTree(leaves: readonly Bytes[]): MerkleTree {
  if (leaves.length < 1 || leaves.length > TREE_LEAVES_MAX)
    throw new RangeError(`leaves: expected 1 to ${TREE_LEAVES_MAX}`);
  const siblings: Bytes[][] = leaves.map(() => []);
  const grow = (from: number, to: number): Bytes => {
    if (to - from === 1) return leaves[from] as Bytes;
    const middle = from + leftSize(to - from);
    const [left, right] = [grow(from, middle), grow(middle, to)];
    for (let i = from; i < to; i++) siblings[i]?.push(i < middle ? right : left);
    return merkleNode(left, right);
  };
  const root = grow(0, leaves.length);
  const treeSize = leaves.length;
  const paths = siblings.map((path, leafIndex) => ({ leafIndex, treeSize, siblings: concatBytes(...path) }));
  return { root, paths };
}

/** Hashes on the path of a leaf; `undefined` where there is no such leaf. */
export function pathLength(leafIndex: number, treeSize: number): number | undefined {
  if (treeSize < 1 || treeSize > TREE_LEAVES_MAX || leafIndex >= treeSize) return undefined;
  let length = 0;
  for (let index = leafIndex, size = treeSize; size > 1; length++) {
    const left = leftSize(size);
    if (index < left) size = left;
    else {
      index -= left;
      size -= left;
    }
  }
  return length;
}

/**
 * A tree as far as paths have shown it. What leads to its root is known to belong to it, and so is what stands beside the
 * way: the next leaf need only be hashed up to the first node that is known, which among neighbours is less than one step.
 *
 * Cost: 63 bytes a leaf. Nothing is said of who vouches for the root.
 */
export class KnownTree {
  readonly root: Bytes;
  readonly treeSize: number;
  /** Leaves behind the nodes within, 32 bytes each; see {@link slotOf}. Behind them, where two children are hashed. */
  readonly #nodes: Bytes;
  readonly #isKnown: Bytes;
  readonly #pair: Bytes;

  /** @param path of the length that {@link pathLength} says. */
  constructor(leaf: Bytes, path: MerklePath) {
    const slots = 2 * path.treeSize - 1;
    this.treeSize = path.treeSize;
    this.#nodes = new Uint8Array(slots * HASH_BYTES + PAIR_BYTES);
    this.#isKnown = new Uint8Array(slots);
    this.#pair = this.#nodes.subarray(slots * HASH_BYTES);
    this.#pair[0] = 0x01;
    const steps = findWay(path);
    const top = this.#climb(leaf, path.siblings, steps);
    this.root = CLIMBED.slice(top * HASH_BYTES, (top + 1) * HASH_BYTES);
    this.#remember(top, path.siblings, steps);
  }

  /**
   * Whether this path, of the length that {@link pathLength} says, leads from the leaf to the root. Every hash of the path
   * is looked at, whether or not it was needed: who passes it on must not be blamed for one that is wrong.
   */
  has(leaf: Bytes, path: MerklePath): boolean {
    if (path.treeSize !== this.treeSize) return false;
    const { siblings } = path;
    const steps = findWay(path);
    const top = this.#climb(leaf, siblings, steps);
    if (!this.#holds(CLIMBED, top * HASH_BYTES, top === steps ? undefined : WAY[top])) return false;
    for (let i = top; i < steps; i++) {
      const sibling = WAY_BESIDE[i] as number;
      if (this.#isKnown[sibling] !== 1 || !this.#holds(siblings, i * HASH_BYTES, sibling)) return false;
    }
    this.#remember(top, siblings, steps);
    return true;
  }

  /** Hashes from the leaf up to the first node that is known, or to the root. @returns how far; they are in {@link CLIMBED}. */
  #climb(leaf: Bytes, siblings: Bytes, steps: number): number {
    const pair = this.#pair;
    for (let i = 0; i < HASH_BYTES; i++) CLIMBED[i] = leaf[i] as number;
    for (let i = 0; i < steps; i++) {
      if (this.#isKnown[WAY[i] as number] === 1) return i;
      const own = WAY_IS_RIGHT[i] === 1 ? 1 + HASH_BYTES : 1;
      const other = WAY_IS_RIGHT[i] === 1 ? 1 : 1 + HASH_BYTES;
      for (let j = 0, from = i * HASH_BYTES; j < HASH_BYTES; j++) {
        pair[own + j] = CLIMBED[from + j] as number;
        pair[other + j] = siblings[from + j] as number;
      }
      putSha256(pair, CLIMBED, (i + 1) * HASH_BYTES);
    }
    return steps;
  }

  /** @param slot of what is known; the root where there is none. */
  #holds(bytes: Bytes, at: number, slot: number | undefined): boolean {
    const [nodes, from] = slot === undefined ? [this.root, 0] : [this.#nodes, slot * HASH_BYTES];
    for (let i = 0; i < HASH_BYTES; i++) if (bytes[at + i] !== nodes[from + i]) return false;
    return true;
  }

  #remember(top: number, siblings: Bytes, steps: number): void {
    for (let i = 0; i < steps && i <= top; i++) {
      this.#put(CLIMBED, i * HASH_BYTES, WAY[i] as number);
      this.#put(siblings, i * HASH_BYTES, WAY_BESIDE[i] as number);
    }
  }

  #put(bytes: Bytes, at: number, slot: number): void {
    if (this.#isKnown[slot] === 1) return;
    this.#isKnown[slot] = 1;
    for (let i = 0, to = slot * HASH_BYTES; i < HASH_BYTES; i++) this.#nodes[to + i] = bytes[at + i] as number;
  }
}

/** `0x01 ‖ left ‖ right`: what is hashed for a node within the tree (RFC 9162 section 2.1.1). */
const PAIR_BYTES = 1 + 2 * HASH_BYTES;

/** Where hashes are that are climbed over, a leaf and six more: an array for each of them would cost as much as they. */
const LONGEST_WAY = Math.log2(TREE_LEAVES_MAX);
const CLIMBED: Bytes = new Uint8Array(HASH_BYTES * (1 + LONGEST_WAY));

/** The steps of a path, lowest first: where each node is remembered, and its sibling; whether it is a right child. */
const WAY = new Int32Array(LONGEST_WAY);
const WAY_BESIDE = new Int32Array(LONGEST_WAY);
const WAY_IS_RIGHT = new Uint8Array(LONGEST_WAY);

/** Finds the steps of a path, for whoever goes them before the next are looked for. @returns how many there are. */
function findWay({ leafIndex, treeSize, siblings }: MerklePath): number {
  const steps = siblings.length / HASH_BYTES;
  let [from, to] = [0, treeSize];
  for (let i = steps - 1; i >= 0; i--) {
    const middle = from + leftSize(to - from);
    const [left, right] = [slotOf(from, middle, treeSize), slotOf(middle, to, treeSize)];
    const isRight = leafIndex >= middle;
    WAY[i] = isRight ? right : left;
    WAY_BESIDE[i] = isRight ? left : right;
    WAY_IS_RIGHT[i] = isRight ? 1 : 0;
    if (isRight) from = middle;
    else to = middle;
  }
  return steps;
}

/** A number of its own for each node: within the tree, where it parts its leaves; behind those, the leaves. */
function slotOf(from: number, to: number, treeSize: number): number {
  return to - from === 1 ? treeSize - 1 + from : from + leftSize(to - from) - 1;
}

function merkleNode(left: Bytes, right: Bytes): Bytes {
  const pair = new Uint8Array(PAIR_BYTES);
  pair[0] = 0x01;
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return sha256(pair);
}

/** Leaves of the left half: the largest power of two below the number of all. */
function leftSize(size: number): number {
  return 1 << (31 - Math.clz32(size - 1));
}
