import { bytesEqual, concatBytes } from '../base/bytes.ts';
import { POINT_BYTES, type SignatureChecker } from '../ports/batch-signer.ts';
import type { SignedRecord } from '../ports/record-store.ts';
import { preimageOf } from './signed-line.ts';

/**
 * Whether each record's signature recovers to the key that the record states. Who that key belongs to is the reader's
 * to know: anybody can sign with a key of their own.
 */
export async function checkSigned(
  checker: SignatureChecker,
  records: readonly SignedRecord[],
): Promise<readonly boolean[]> {
  const preimages = records.map(preimageOf);
  const offsets = new Uint32Array(records.length + 1);
  for (const [i, preimage] of preimages.entries()) offsets[i + 1] = (offsets[i] as number) + preimage.length;
  const points = await checker.recover({
    preimages: concatBytes(...preimages),
    offsets,
    signatures: concatBytes(...records.map(({ signature }) => signature)),
  });
  return records.map(({ publicKey }, i) =>
    bytesEqual(points.subarray(i * POINT_BYTES, (i + 1) * POINT_BYTES), publicKey),
  );
}
