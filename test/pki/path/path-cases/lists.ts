import { type Bytes, fromHex } from '../../../../src/base/bytes.ts';
import { contextTag, TAG } from '../../../../src/codec/der-tag.ts';
import {
  bitString,
  context,
  contextPrimitive,
  element,
  oid,
  sequence,
  unsignedInteger,
} from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { ecdsaRawToDer } from '../../../../src/crypto/curve/ecdsa-signature.ts';
import { sha256 } from '../../../../src/crypto/hash.ts';
import {
  directory,
  extensionOf,
  type Issuer,
  type Recipe,
  type Unread,
  uri,
} from '../../../support/make-certificate.ts';
import { ca, days, ext, leafOf, parts, type Parts, root } from './builder.ts';

/** What a CRL differs in. */
export interface List {
  readonly by?: Issuer;
  readonly entries?: readonly Bytes[];
  readonly issuerName?: Bytes;
  readonly number?: Bytes | null;
  readonly keyId?: Bytes | null;
  readonly dates?: readonly Bytes[];
  readonly extensions?: readonly Bytes[];
  readonly version?: Bytes;
  readonly signer?: Issuer;
  readonly isEmptyListWritten?: boolean;
}

const ALGORITHM = sequence(oid(OID.ecdsaWithSha256));
const keyIdOf = ({ signer }: Issuer) => sha256(signer.spki).subarray(0, 20);

export function list(recipe: List = {}): Bytes {
  const { by = root, entries = [], number = unsignedInteger(1), keyId = keyIdOf(by), signer = by } = recipe;
  const extensions = [
    ...(keyId === null ? [] : [extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, keyId)))]),
    ...(number === null ? [] : [extensionOf(OID.crlNumber, number)]),
    ...(recipe.extensions ?? []),
  ];
  const tbs = sequence(
    recipe.version ?? unsignedInteger(1),
    ALGORITHM,
    recipe.issuerName ?? by.subject,
    ...(recipe.dates ?? [days(-1), days(1)]),
    ...(entries.length === 0 && recipe.isEmptyListWritten !== true ? [] : [sequence(...entries)]),
    ...(extensions.length === 0 ? [] : [context(0, sequence(...extensions))]),
  );
  return sequence(tbs, ALGORITHM, bitString(ecdsaRawToDer(signer.signer.signSync(tbs))));
}

export const SERIAL = unsignedInteger(0x1234);
export const SERIAL_OF_CA = unsignedInteger(0x77);
export const entry = (serial: Bytes, ...extensions: readonly Bytes[]) =>
  sequence(serial, days(-1), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
export const reason = (n: number) => extensionOf(OID.crlReason, unsignedInteger(n, TAG.enumerated));
export const revoked = [entry(SERIAL)];
export const others = [entry(unsignedInteger(0x99))];

/** A leaf right under the root, and these lists. */
export const direct =
  (lists: readonly List[], leafRecipe: Recipe = {}) =>
  (): Parts =>
    parts(leafOf(root, { serial: SERIAL, ...leafRecipe }), [], [root], { crls: lists.map(list) });

/** A leaf under an intermediate, and the lists of both. */
export const below =
  (lists: (issuer: Unread) => readonly List[], recipe: Recipe = {}) =>
  (): Parts => {
    const issuer = ca({ serial: SERIAL_OF_CA, ...recipe });
    return parts(leafOf(issuer, { serial: SERIAL }), [issuer], [root], { crls: lists(issuer).map(list) });
  };

export const flag = (n: number) => element(contextTag(n, 'primitive'), fromHex('ff'));
export const idp = (...content: readonly Bytes[]) => [
  extensionOf(OID.issuingDistributionPoint, sequence(...content), true),
];
export const reasons = (bits: string) => contextPrimitive(3, fromHex(bits));
export const place = (url: string) => context(0, context(0, uri(url)));
export const HERE = 'http://crl.example.com/1';
export const THERE = 'http://crl.example.com/2';
export const pointed = (...content: readonly Bytes[]) => ext(OID.crlDistributionPoints, sequence(sequence(...content)));
export const byName = (name: Bytes) => context(0, context(0, directory(name)));
