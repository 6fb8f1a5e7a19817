import { BoundedMap } from '../base/bounded.ts';
import { type Bytes, bytesEqual } from '../base/bytes.ts';
import { SigStructures } from '../cose/sign1.ts';
import { putSha256 } from '../crypto/hash.ts';
import { KnownTree, type MerklePath } from '../crypto/merkle-tree.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { signedOfBatch } from './batch.ts';
import type { SignedBatch } from './message.ts';

/** Trees of batches that are remembered: those whose messages are coming in now. 256 × at most 4.5 KB = 1.2 MB. */
export const TREES_REMEMBERED_MAX = 256;

/** A batch as its first message showed it; whether the signature holds is not known here. */
export interface RememberedBatch extends SignedBatch {
  readonly signature: Bytes;
  readonly tree: KnownTree;
}

/** Finds the batches that messages belong to. All but the first of one are hashed up to the first node that is known. */
export class BatchMemory {
  readonly #mesh: MeshName;
  /** By some bytes of the signature: another one with the same bytes takes the place, and costs hashes only. */
  readonly #batches = new BoundedMap<number, RememberedBatch>(TREES_REMEMBERED_MAX);

  /** The leaf that is looked for. */
  readonly #leaf: Bytes = new Uint8Array(32);

  constructor(mesh: MeshName) {
    this.#mesh = mesh;
  }

  /** @param structure What is signed of the message, as {@link SigStructures.write} laid it out. */
  find(signature: Bytes, structure: Bytes, path: MerklePath): RememberedBatch {
    const leaf = this.#leaf;
    putSha256(SigStructures.asLeaf(structure), leaf, 0);
    const key = keyOf(signature);
    const known = this.#batches.peek(key);
    if (known !== undefined && bytesEqual(known.signature, signature) && known.tree.has(leaf, path)) return known;
    const tree = new KnownTree(leaf, path);
    const batch = { ...signedOfBatch(this.#mesh, tree.root), signature: signature.slice(), tree };
    this.#batches.set(key, batch);
    return batch;
  }
}

/** Bytes of r of ECDSA, or of R of Ed25519: as good as random where the signature is genuine. */
function keyOf(signature: Bytes): number {
  const byte = (at: number): number => signature[at] as number;
  return (byte(8) << 22) ^ (byte(9) << 15) ^ (byte(10) << 8) ^ byte(11);
}
