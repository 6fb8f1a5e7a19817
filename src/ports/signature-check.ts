import type { Bytes } from '../base/bytes.ts';
import type { MessageAlgorithm, PublicKey } from '../crypto/public-key.ts';

/**
 * Whether a signature of a message holds, with the answer of {@link PublicKey.verify} for the same arguments: who asks for
 * many may have them checked in a cheaper way. Must not throw.
 */
export type CheckSignature = (key: PublicKey, algorithm: MessageAlgorithm, data: Bytes, signature: Bytes) => boolean;
