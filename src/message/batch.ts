import { type Bytes, toHex } from '../base/bytes.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { encodeSign1, sigStructure } from '../cose/sign1.ts';
import { merkleLeaf, merkleTree, TREE_LEAVES_MAX } from '../crypto/merkle-tree.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { type ComposedMessage, Message, type SignedBatch } from './message.ts';

/** Messages of one author that one signature may cover. */
export const BATCH_MESSAGES_MAX = TREE_LEAVES_MAX;

const NO_HEADER: Bytes = new Uint8Array(0);

/** Messages that are to be signed at once: a Merkle tree over what is signed of each (spec 03 section 10). */
export interface MessageBatch {
  /** What the one signature is over. */
  readonly toBeSigned: Bytes;
  /** The messages with their signature, in the order in which they were given. */
  assemble(signature: Bytes): readonly Message[];
}

/** @param messages two to {@link BATCH_MESSAGES_MAX} of one signer. */
export function composeBatch(mesh: MeshName, messages: readonly ComposedMessage[]): MessageBatch {
  const { root, paths } = merkleTree(messages.map(({ toBeSigned }) => merkleLeaf(toBeSigned)));
  const batch = signedOfBatch(mesh, root);
  return {
    toBeSigned: batch.signedBytes,
    assemble: (signature) =>
      messages.map((message, i) => {
        const { protectedBytes, payload } = message;
        const bytes = encodeSign1({ protectedBytes, payload, signature, path: paths[i] });
        return new Message(message, message, message.stream, message, { signature, batch, bytes });
      }),
  };
}

/** The Sig_structure of a batch: its payload is the root, and its context keeps it apart from every message. */
export function signedOfBatch(mesh: MeshName, root: Bytes): SignedBatch {
  const externalAad = new CborWriter(64).array(2).text('chainmail batch v1').text(mesh).finish();
  return { signedBytes: sigStructure(NO_HEADER, externalAad, root), batchKey: toHex(root) };
}
