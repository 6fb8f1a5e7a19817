import { type Bytes, concatBytes } from '../base/bytes.ts';
import { sha256 } from './hash.ts';

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

/** The root that a leaf and its path lead to; the path has the length that {@link pathLength} says. */
export function merkleRoot(leaf: Bytes, { leafIndex, treeSize, siblings }: MerklePath): Bytes {
  const isRight: boolean[] = [];
  for (let index = leafIndex, size = treeSize; size > 1; ) {
    const left = leftSize(size);
    isRight.push(index >= left);
    if (index < left) size = left;
    else {
      index -= left;
      size -= left;
    }
  }
  let hash = leaf;
  for (let i = 0, at = 0; i < isRight.length; i++, at += HASH_BYTES) {
    const sibling = siblings.subarray(at, at + HASH_BYTES);
    hash = isRight[isRight.length - 1 - i] === true ? merkleNode(sibling, hash) : merkleNode(hash, sibling);
  }
  return hash;
}

function merkleNode(left: Bytes, right: Bytes): Bytes {
  const both = new Uint8Array(1 + 2 * HASH_BYTES);
  both[0] = 0x01;
  both.set(left, 1);
  both.set(right, 1 + HASH_BYTES);
  return sha256(both);
}

/** Leaves of the left half: the largest power of two below the number of all. */
function leftSize(size: number): number {
  return 1 << (31 - Math.clz32(size - 1));
}
