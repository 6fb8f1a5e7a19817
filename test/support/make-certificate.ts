import { type Bytes, utf8 } from '../../src/base/bytes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import {
  bitString,
  boolean,
  context,
  contextPrimitive,
  encoded,
  ia5String,
  namedBits,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  unsignedInteger,
  utf8String,
} from '../../src/codec/der-writer.ts';
import { contextTag } from '../../src/codec/der-tag.ts';
import { OID } from '../../src/codec/oid.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { ecdsaRawToDer } from '../../src/crypto/curve/ecdsa-signature.ts';
import { ed25519Pkcs8FromSeed, type SyncSigner, softwareSigner } from '../../src/crypto/keys/signer.ts';
import { checkX509Signature, x509AlgorithmIdentifier } from '../../src/crypto/signatures/x509-signature.ts';
import { type Certificate, parseCertificate } from '../../src/pki/x509/certificate/certificate.ts';
import { KEY_USAGE } from '../../src/pki/x509/certificate/extensions.ts';
import { type PathInput, validatePath } from '../../src/pki/path/path.ts';
import type { PathResult } from '../../src/pki/path/path-result.ts';

/** The instant at which the certificates of these tests are judged. */
export const NOW = Date.UTC(2030, 0, 1) as UnixMs;
const YEAR_MS = 365 * 86_400_000;

/** Who can issue. */
export interface Issuer {
  /** RDNSequence, DER. */
  readonly subject: Bytes;
  readonly signer: SyncSigner;
}

/** A certificate that has not been read, together with its key. */
export interface Unread extends Issuer {
  readonly der: Bytes;
}

/** A certificate together with its key. */
export interface Party extends Issuer {
  readonly certificate: Certificate;
}

/** What a certificate of a test differs in; everything else follows RFC 5280. */
export interface Recipe {
  readonly issuer?: Issuer;
  /** RDNSequence, DER. */
  readonly subject?: Bytes;
  /** Replaces the issuer's name. */
  readonly issuerName?: Bytes;
  readonly key?: SyncSigner;
  readonly isCa?: boolean;
  readonly pathLenMax?: number;
  /** GeneralNames. */
  readonly names?: readonly Bytes[];
  /** Extensions by OID: replaced, added, or left out where `null`. */
  readonly extensions?: Readonly<Record<string, Bytes | null>>;
  readonly notBefore?: Bytes;
  readonly notAfter?: Bytes;
  /** INTEGER, DER. */
  readonly serial?: Bytes;
  /** `[0]` element, or nothing for version 1. */
  readonly version?: Bytes;
  /** The AlgorithmIdentifier that is signed, where it differs from the outer one. */
  readonly innerAlgorithm?: Bytes;
  /** The AlgorithmIdentifier beside the signature. */
  readonly outerAlgorithm?: Bytes;
  /** SubjectPublicKeyInfo, where it is not that of the key. */
  readonly spki?: Bytes;
  /** Unique identifiers, between key and extensions. */
  readonly uniqueIds?: readonly Bytes[];
  /** Behind the last extension. */
  readonly moreExtensions?: readonly Bytes[];
}

let keys = 0;
let serials = 0;

/** A fresh key, the same one in each run. */
export function testKey(): SyncSigner {
  keys += 1;
  return softwareSigner(ed25519Pkcs8FromSeed(sha256(utf8(`test key ${keys}`))));
}

export function commonName(text: string): Bytes {
  return sequence(setOf(sequence(oid(OID.commonName), utf8String(text))));
}

export function extensionOf(type: string, value: Bytes, isCritical = false): Bytes {
  return sequence(oid(type), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

export const dns = (name: string): Bytes => encoded(ia5String(name, contextTag(2, 'primitive')));
export const email = (name: string): Bytes => encoded(ia5String(name, contextTag(1, 'primitive')));
export const uri = (name: string): Bytes => encoded(ia5String(name, contextTag(6, 'primitive')));
export const ip = (...octets: readonly number[]): Bytes => contextPrimitive(7, Uint8Array.from(octets));
export const directory = (name: Bytes): Bytes => context(4, name);
export const other = (type: string, text: string): Bytes => context(0, oid(type), context(0, utf8String(text)));

export function nameConstraints(
  permitted: readonly Bytes[],
  excluded: readonly Bytes[] = [],
  isCritical = true,
): Bytes {
  const list = (n: number, names: readonly Bytes[]) =>
    names.length === 0 ? [] : [context(n, ...names.map((name) => sequence(name)))];
  return extensionOf(OID.nameConstraints, sequence(...list(0, permitted), ...list(1, excluded)), isCritical);
}

const keyIdOf = (signer: SyncSigner) => sha256(signer.spki).subarray(0, 20);

/** A certificate that RFC 5280 likes, but for what the recipe says. */
export function make(recipe: Recipe = {}): Party {
  const { der, subject, signer } = makeUnread(recipe);
  return { certificate: parseCertificate(der), subject, signer };
}

/** As {@link make}, for what may not be a certificate at all. */
export function makeUnread(recipe: Recipe = {}): Unread {
  const signer = recipe.key ?? testKey();
  serials += 1;
  const by = recipe.issuer?.signer ?? signer;
  const subject = recipe.subject ?? commonName(`subject ${serials}`);
  const isCa = recipe.isCa ?? recipe.issuer === undefined;
  const pathLen = recipe.pathLenMax === undefined ? [] : [unsignedInteger(recipe.pathLenMax)];
  const usage = isCa ? KEY_USAGE.keyCertSign | KEY_USAGE.crlSign : KEY_USAGE.digitalSignature;
  const standard: Record<string, Bytes | null> = {
    [OID.basicConstraints]: isCa ? extensionOf(OID.basicConstraints, sequence(boolean(true), ...pathLen), true) : null,
    [OID.keyUsage]: extensionOf(OID.keyUsage, namedBits(usage), true),
    [OID.subjectKeyIdentifier]: extensionOf(OID.subjectKeyIdentifier, octetString(keyIdOf(signer))),
    [OID.authorityKeyIdentifier]:
      recipe.issuer === undefined
        ? null
        : extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, keyIdOf(by)))),
    [OID.subjectAltName]:
      recipe.names === undefined ? null : extensionOf(OID.subjectAltName, sequence(...recipe.names)),
    ...recipe.extensions,
  };
  const extensions = [...Object.values(standard).filter((value) => value !== null), ...(recipe.moreExtensions ?? [])];
  const algorithm = x509AlgorithmIdentifier(by.algorithm);
  const tbs = sequence(
    recipe.version ?? context(0, unsignedInteger(2)),
    recipe.serial ?? unsignedInteger(sha256(utf8(`serial ${serials}`)).subarray(0, 16)),
    recipe.innerAlgorithm ?? algorithm,
    recipe.issuerName ?? recipe.issuer?.subject ?? subject,
    sequence(recipe.notBefore ?? time((NOW - YEAR_MS) as UnixMs), recipe.notAfter ?? time((NOW + YEAR_MS) as UnixMs)),
    subject,
    recipe.spki ?? signer.spki,
    ...(recipe.uniqueIds ?? []),
    ...(extensions.length === 0 ? [] : [context(3, sequence(...extensions))]),
  );
  const signature = by.signSync(tbs);
  const der = sequence(
    tbs,
    recipe.outerAlgorithm ?? algorithm,
    bitString(by.algorithm === 'ES256' ? ecdsaRawToDer(signature) : signature),
  );
  return { der, subject, signer };
}

/** Judges leaf, pool and anchors with {@link validatePath}, as of {@link NOW} unless told otherwise. */
export function judge(
  leaf: Party,
  untrusted: readonly Party[],
  anchors: readonly Party[],
  more: Partial<PathInput> = {},
): PathResult {
  return validatePath({
    leaf: leaf.certificate,
    untrusted: untrusted.map(({ certificate }) => certificate),
    anchors: anchors.map(({ certificate }) => certificate),
    at: NOW,
    checkSignature: checkX509Signature,
    ...more,
  });
}

/** `ok`, or the code: short enough for tables. */
export function outcome(result: PathResult): string {
  return result.tag === 'ok' ? 'ok' : result.code;
}
