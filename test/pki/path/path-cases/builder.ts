import { fromHex, type Bytes } from '../../../../src/base/bytes.ts';
import { type UnixMs, DAY_MS } from '../../../../src/base/time.ts';
import { TAG } from '../../../../src/codec/der-tag.ts';
import { contextPrimitive, element, oid, sequence, setOf, time } from '../../../../src/codec/der-writer.ts';
import { OID } from '../../../../src/codec/oid.ts';
import { encodePem } from '../../../../src/codec/pem.ts';
import { generatePkcs8, type SyncSigner, softwareSigner } from '../../../../src/crypto/keys/signer.ts';
import {
  commonName,
  dns,
  extensionOf,
  type Issuer,
  makeUnread,
  nameConstraints,
  type Recipe,
  type Unread,
} from '../../../support/make-certificate.ts';

/** A path in the format of x509-limbo, and what RFC 5280 says of it. */
export interface PathCase {
  readonly id: string;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly peer_certificate: string;
  readonly untrusted_intermediates: readonly string[];
  readonly trusted_certs: readonly string[];
  readonly validation_time: string;
  readonly extended_key_usage: readonly string[];
  readonly expected_peer_name: { readonly kind: string; readonly value: string } | null;
  readonly max_chain_depth: number | null;
  readonly crls: readonly string[];
}

/** Certificates of one case, and what is asked. */
export interface Parts {
  readonly leaf: Bytes;
  readonly untrusted?: readonly Bytes[];
  readonly anchors: readonly Bytes[];
  readonly at?: UnixMs;
  readonly eku?: readonly string[];
  readonly peer?: { readonly kind: string; readonly value: string };
  readonly depthMax?: number;
  readonly crls?: readonly Bytes[];
}

export type Cases = readonly (readonly [name: string, isValid: boolean, parts: () => Parts])[];

/** The instant at which the cases are judged. */
export const AT = Date.UTC(2030, 0, 1) as UnixMs;

export function pathCases(group: string, cases: Cases): PathCase[] {
  return cases.map(([name, isValid, parts]) => {
    const { leaf, untrusted = [], anchors, at = AT, eku = [], peer, depthMax, crls = [] } = parts();
    const pem = (der: Bytes) => encodePem('CERTIFICATE', der);
    return {
      id: `rfc5280::${group}::${name}`,
      expected_result: isValid ? 'SUCCESS' : 'FAILURE',
      peer_certificate: pem(leaf),
      untrusted_intermediates: untrusted.map(pem),
      trusted_certs: anchors.map(pem),
      validation_time: new Date(at).toISOString(),
      extended_key_usage: eku,
      expected_peer_name: peer ?? null,
      max_chain_depth: depthMax ?? null,
      crls: crls.map((der) => encodePem('X509 CRL', der)),
    };
  });
}

/** P-256, which every other implementation knows. More than one case uses. */
const KEYS: readonly SyncSigner[] = Array.from({ length: 64 }, () => softwareSigner(generatePkcs8('P-256')));
let used = 0;

export function key(): SyncSigner {
  used += 1;
  return KEYS[used % KEYS.length] as SyncSigner;
}

export function forge(recipe: Recipe = {}): Unread {
  return makeUnread({ key: key(), ...recipe });
}

export const root = forge({ subject: commonName('root') });
export const NAMES = [dns('example.com')];

export const ca = (recipe: Recipe = {}): Unread => forge({ issuer: root, isCa: true, ...recipe });
export const leafOf = (issuer: Issuer, recipe: Recipe = {}): Unread => forge({ issuer, names: NAMES, ...recipe });

/** A leaf that differs, right under the root. */
export const leaf =
  (recipe: Recipe, more: Partial<Parts> = {}) =>
  (): Parts => ({ leaf: leafOf(root, recipe).der, anchors: [root.der], ...more });

/** A leaf under an intermediate that differs. */
export const under =
  (recipe: Recipe, leafRecipe: Recipe = {}, more: Partial<Parts> = {}) =>
  (): Parts => {
    const issuer = ca(recipe);
    return { leaf: leafOf(issuer, leafRecipe).der, untrusted: [issuer.der], anchors: [root.der], ...more };
  };

/** A leaf under a root that differs. */
export const anchored =
  (recipe: Recipe, leafRecipe: Recipe = {}, more: Partial<Parts> = {}) =>
  (): Parts => {
    const anchor = forge({ subject: commonName('another root'), ...recipe });
    return { leaf: leafOf(anchor, leafRecipe).der, anchors: [anchor.der], ...more };
  };

/** A leaf under CAs, each under the one before. */
export function chain(cas: readonly Recipe[], leafRecipe: Recipe = {}, more: Partial<Parts> = {}): () => Parts {
  return () => {
    const made: Unread[] = [];
    for (const recipe of cas) made.push(ca({ issuer: made.at(-1) ?? root, ...recipe }));
    return {
      leaf: leafOf(made.at(-1) ?? root, leafRecipe).der,
      untrusted: made.map(({ der }) => der),
      anchors: [root.der],
      ...more,
    };
  };
}

export const ext = (type: string, value: Bytes, isCritical = false): Recipe => ({
  extensions: { [type]: extensionOf(type, value, isCritical) },
});
export const critical = (type: string, value: Bytes): Recipe => ext(type, value, true);
export const without = (...types: readonly string[]): Recipe => ({
  extensions: Object.fromEntries(types.map((type) => [type, null])),
});
export const more = (...extensions: readonly Bytes[]): Recipe => ({ moreExtensions: extensions });

export const rdn = (type: string, value: string, tag: number = TAG.utf8String): Bytes =>
  setOf(sequence(oid(type), element(tag, new TextEncoder().encode(value))));
export const org = (value: string, tag?: number): Bytes => rdn(OID.organization, value, tag);
export const cn = (value: string, tag?: number): Bytes => rdn(OID.commonName, value, tag);
export const basic = (...content: readonly Bytes[]): Recipe => critical(OID.basicConstraints, sequence(...content));
export const days = (n: number): Bytes => time((AT + n * DAY_MS) as UnixMs);

/** A key that no other certificate has. */
export const fresh = (): SyncSigner => softwareSigner(generatePkcs8('P-256'));
export const expired: Recipe = { notAfter: days(-1) };
export const noHint = ext(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, fromHex('00'.repeat(20)))));
export const named = (name: string, more: Recipe = {}): Recipe => ({
  subject: commonName(name),
  key: fresh(),
  ...more,
});
export const parts = (
  leaf: Unread,
  untrusted: readonly Unread[],
  anchors: readonly Unread[] = [root],
  rest: Partial<Parts> = {},
): Parts => ({
  leaf: leaf.der,
  untrusted: untrusted.map(({ der }) => der),
  anchors: anchors.map(({ der }) => der),
  ...rest,
});

/** The same name and key as another, issued by somebody else, or otherwise. */
export const twin = ({ subject, signer }: Issuer, recipe: Recipe = {}): Unread =>
  ca({ subject, key: signer, ...recipe });
/** Name constraints of a CA. */
export const constrained = (permitted: readonly Bytes[], excluded: readonly Bytes[] = []): Recipe =>
  more(nameConstraints(permitted, excluded));

/** A leaf with these names under a CA with these constraints. */
export const within = (
  permitted: readonly Bytes[],
  excluded: readonly Bytes[],
  names: readonly Bytes[] | null,
  subject?: Bytes,
): (() => Parts) =>
  under(constrained(permitted, excluded), {
    ...(names === null ? without(OID.subjectAltName) : { names }),
    ...(subject === undefined ? {} : { subject }),
  });

export const narrow = constrained([dns('example.net')]);
