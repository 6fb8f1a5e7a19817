import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bytes, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import {
  KnownTree,
  type MerklePath,
  merkleLeaf,
  merkleTree,
  pathLength,
  TREE_LEAVES_MAX,
} from '../../src/crypto/merkle-tree.ts';

/** Roots over the first 1 to 8 leaves of the reference tests of Certificate Transparency (RFC 6962 hashes alike). */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The root that a leaf and its path lead to. */
const rootOf = (leaf: Bytes, path: MerklePath): Bytes => new KnownTree(leaf, path).root;

const leavesOf = (count: number): Bytes[] => Array.from({ length: count }, (_, i) => merkleLeaf(utf8(`leaf ${i}`)));

describe('Merkle tree', () => {
  it('has the roots of Certificate Transparency', () => {
    const leaves = LEAVES.map((leaf) => merkleLeaf(fromHex(leaf)));
    for (const [i, root] of ROOTS.entries()) assert.equal(toHex(merkleTree(leaves.slice(0, i + 1)).root), root);
  });

  it('leads from every leaf of every size to the root, by paths of the length that is said', () => {
    for (let size = 1; size <= TREE_LEAVES_MAX; size++) {
      const leaves = leavesOf(size);
      const { root, paths } = merkleTree(leaves);
      for (const [i, path] of paths.entries()) {
        assert.equal(path.siblings.length, 32 * (pathLength(i, size) as number));
        assert.deepEqual(rootOf(leaves[i] as Bytes, path), root);
      }
    }
  });

  it('leads elsewhere from another leaf, from another place, and with any bit of the path changed', () => {
    const leaves = leavesOf(13);
    const { root, paths } = merkleTree(leaves);
    const [leaf, path] = [leaves[5] as Bytes, paths[5] as (typeof paths)[number]];
    const isRoot = (found: Bytes): boolean => toHex(found) === toHex(root);
    assert.ok(isRoot(rootOf(leaf, path)));
    assert.ok(!isRoot(rootOf(leaves[4] as Bytes, path)));
    assert.ok(!isRoot(rootOf(leaf, { ...path, leafIndex: 4 })));
    for (let bit = 0; bit < 8 * path.siblings.length; bit++) {
      const siblings = path.siblings.slice();
      siblings[bit >> 3] = (siblings[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.ok(!isRoot(rootOf(leaf, { ...path, siblings })));
    }
  });

  it('known from some of its paths has all others, in whatever order, and none that is changed above or below', () => {
    for (const size of [2, 3, 7, 16, 33, TREE_LEAVES_MAX]) {
      const leaves = leavesOf(size);
      const { root, paths } = merkleTree(leaves);
      const order = Array.from(leaves.keys(), (i) => (i * 5 + 3) % size);
      const first = order[0] as number;
      const tree = new KnownTree(leaves[first] as Bytes, paths[first] as (typeof paths)[number]);
      assert.deepEqual(tree.root, root);
      for (const i of new Set([...order, ...leaves.keys()])) {
        const [leaf, path] = [leaves[i] as Bytes, paths[i] as (typeof paths)[number]];
        for (let at = 0; at < path.siblings.length; at += 16) {
          const siblings = path.siblings.slice();
          siblings[at] = (siblings[at] as number) ^ 1;
          assert.equal(tree.has(leaf, { ...path, siblings }), false);
        }
        assert.equal(tree.has(merkleLeaf(utf8('another leaf')), path), false);
        assert.equal(tree.has(leaf, { ...path, leafIndex: (i + 1) % size }), false);
        assert.equal(tree.has(leaf, path), true, `leaf ${i} of ${size}`);
        assert.equal(tree.has(leaf, path), true, 'again');
      }
    }
  });

  it('has 1 to 64 leaves, and no path to others', () => {
    assert.throws(() => merkleTree([]), RangeError);
    assert.throws(() => merkleTree(leavesOf(TREE_LEAVES_MAX + 1)), RangeError);
    for (const [index, size] of [
      [0, 0],
      [1, 1],
      [64, 64],
      [0, TREE_LEAVES_MAX + 1],
    ] as const)
      assert.equal(pathLength(index, size), undefined);
  });
});
