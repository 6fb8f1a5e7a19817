import { fromHex } from '../../../src/base/bytes.ts';
import { after, DAY_MS } from '../../../src/base/time.ts';
import { TAG } from '../../../src/codec/der-tag.ts';
import {
  bitString,
  context,
  contextPrimitive,
  sequence,
  time,
  unsignedInteger,
} from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { x509AlgorithmIdentifier } from '../../../src/crypto/signatures/x509-signature.ts';
import { commonName, extensionOf, make, NOW, type Party } from '../../support/make-certificate.ts';

export const root = make({ subject: commonName('root') });
/** What a CRL of a test differs in. */
export interface Recipe {
  readonly by?: Party;
  readonly version?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuerName?: Uint8Array;
  readonly dates?: readonly Uint8Array[];
  /** The whole list, or nothing. */
  readonly entries?: Uint8Array;
  readonly extensions?: readonly Uint8Array[] | null;
}

export const number = (value: number | Uint8Array, isCritical = false) =>
  extensionOf(OID.crlNumber, value instanceof Uint8Array ? value : unsignedInteger(value), isCritical);
export const keyId = (hex: string) =>
  extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, fromHex(hex))));
export const skiOf = (party: Party) => party.certificate.extensions.subjectKeyIdentifier ?? '';
export const entry = (serialHex: string, ...more: readonly Uint8Array[]) =>
  sequence(unsignedInteger(fromHex(serialHex)), time(NOW), ...more);
export const reason = (n: number, isCritical = false) =>
  extensionOf(OID.crlReason, unsignedInteger(n, TAG.enumerated), isCritical);

export function crlDer(recipe: Recipe = {}): Uint8Array {
  const { by = root, extensions = [keyId(skiOf(by)), number(1)] } = recipe;
  const algorithm = x509AlgorithmIdentifier(by.signer.algorithm);
  const tbs = sequence(
    recipe.version ?? unsignedInteger(1),
    recipe.innerAlgorithm ?? algorithm,
    recipe.issuerName ?? by.certificate.subject.der,
    ...(recipe.dates ?? [time(after(NOW, -DAY_MS)), time(after(NOW, DAY_MS))]),
    ...(recipe.entries === undefined ? [] : [recipe.entries]),
    ...(extensions === null ? [] : [context(0, sequence(...extensions))]),
  );
  return sequence(tbs, algorithm, bitString(by.signer.signSync(tbs)));
}
