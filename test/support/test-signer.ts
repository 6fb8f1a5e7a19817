import { randomBytes } from 'node:crypto';
import { Secret } from '../../src/crypto/secret.ts';
import { openChecker, openSigner } from '../../src/host/signer/engines/engines.ts';
import { systemRandom } from '../../src/host/machine/system-random.ts';
import type { BatchSigner } from '../../src/ports/batch-signer.ts';
import type { NewRecord, RecordStore, Selection, SignedRecord } from '../../src/ports/record-store.ts';
import { allKeyIndexes } from '../../src/signer/key-ring.ts';
import { keyIndexesOf } from '../../src/signer/plan.ts';
import { type SigningOutcome, signSelection } from '../../src/signer/sign-selection.ts';
import { checkSigned } from '../../src/signer/verify-records.ts';

export function randomRecords(count: number): NewRecord[] {
  return Array.from({ length: count }, () => {
    const id = randomBytes(16).toString('hex');
    return { id, message: new TextEncoder().encode(id) };
  });
}

export function openTestSigner(keys = 3): Promise<BatchSigner> {
  return openSigner(Array.from({ length: keys }, () => new Secret(randomBytes(32))));
}

/** Signs what `selection` names, as the commands do. */
export function signAll(store: RecordStore, signer: BatchSigner, selection: Selection): Promise<SigningOutcome> {
  return signSelection(
    { store, signer, random: systemRandom, lanes: 2 },
    {
      selection,
      keyIndexesOf: (chunk) => keyIndexesOf(chunk, selection.batchCount, allKeyIndexes(signer.publicKeys.length)),
    },
  );
}

export async function signedRecords(store: RecordStore): Promise<SignedRecord[]> {
  const all: SignedRecord[] = [];
  for await (const part of store.signed()) all.push(...part);
  return all;
}

/** Ids whose signature does not recover to the stated key. */
export async function wrongIds(records: readonly SignedRecord[]): Promise<string[]> {
  const checker = await openChecker();
  try {
    const verdicts = await checkSigned(checker, records);
    return records.filter((_, i) => verdicts[i] !== true).map(({ id }) => id);
  } finally {
    await checker.close();
  }
}
