import { MeshError, quoted } from '../../../base/errors.ts';

/** Characters of a URI. A path of 4,096 bytes, percent-encoded or not, and labels of 32 fit. */
export const TOKEN_URI_CHARACTERS_MAX = 8_192;

/** Which keys of which token sign, and how to reach it: the parts of a `pkcs11:` URI (RFC 7512) that count here. */
export interface TokenUri {
  /** The library that speaks to the token. */
  readonly modulePath: string;
  readonly token: string | undefined;
  readonly serial: string | undefined;
  /** CKA_LABEL of the keys; without it, every secp256k1 key of the token is in the ring. */
  readonly object: string | undefined;
  /** The file with the PIN. */
  readonly pinFile: string | undefined;
}

/** Attributes that may stand in the path of a URI here; the standard has more, which would narrow nothing for us. */
const PATH_ATTRIBUTES: readonly string[] = ['token', 'serial', 'object', 'type'];
const QUERY_ATTRIBUTES: readonly string[] = ['module-path', 'pin-source', 'pin-value'];

export function isTokenUri(text: string): boolean {
  return text.startsWith('pkcs11:');
}

/**
 * `pkcs11:token=signer;object=ring?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin`
 *
 * @throws ERR_USAGE, also for a `pin-value`: everybody on a machine sees command lines.
 */
export function parseTokenUri(text: string): TokenUri {
  if (!isTokenUri(text) || text.length > TOKEN_URI_CHARACTERS_MAX) throw malformed('expected pkcs11:…');
  const [path = '', query = '', ...rest] = text.slice('pkcs11:'.length).split('?');
  if (rest.length > 0) throw malformed('there are two question marks');
  const inPath = attributesOf(path, ';', PATH_ATTRIBUTES);
  const inQuery = attributesOf(query, '&', QUERY_ATTRIBUTES);
  if (inQuery.has('pin-value'))
    throw new MeshError(
      'ERR_USAGE',
      'a pkcs11: URI with a pin-value shows the PIN to everybody on this machine',
      'put the PIN in a file, mode 0600: pin-source=file:/path, or CHAINMAIL_SIGNER_PIN_FILE',
    );
  const type = inPath.get('type');
  if (type !== undefined && type !== 'private') throw malformed(`type is ${quoted(type)}, expected private`);
  const modulePath = inQuery.get('module-path');
  if (modulePath === undefined || !modulePath.startsWith('/'))
    throw malformed('module-path must be the full path of the token’s library');
  return {
    modulePath,
    token: inPath.get('token'),
    serial: inPath.get('serial'),
    object: inPath.get('object'),
    pinFile: inQuery.get('pin-source')?.replace(/^file:(?:\/\/(?=\/))?/, ''),
  };
}

function attributesOf(text: string, separator: string, known: readonly string[]): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const part of text === '' ? [] : text.split(separator)) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at));
    if (!known.includes(name)) throw malformed(`${quoted(part)} is none of ${known.join(', ')}`);
    if (attributes.has(name)) throw malformed(`${name} is there twice`);
    attributes.set(name, decoded(part.slice(at + 1)));
  }
  return attributes;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(`${quoted(text)} is not percent-encoded UTF-8`);
  }
}

function malformed(reason: string): MeshError {
  return new MeshError(
    'ERR_USAGE',
    `the pkcs11: URI is malformed: ${reason}`,
    'pkcs11:token=LABEL;object=LABEL?module-path=/path/to/library.so&pin-source=file:/path/to/pin',
  );
}
