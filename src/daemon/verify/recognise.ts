import { type Bytes, EMPTY, fromBase64, fromHex, textOfUtf8 } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { readOnly } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { DELEGATE_PEM_LABEL, WALLET_EPOCH_PEM_LABEL } from '../../message/statement-pem.ts';
import type { FileKind } from './verdict.ts';

/** A file, known for what it claims to be; nothing in it has been believed. */
export interface Recognised {
  readonly kind: FileKind;
  /** Where it is text: PEM, JSON. */
  readonly text?: string;
  /** Where it is binary, hex and base64 decoded. */
  readonly bytes: Bytes;
}

/** First octet of a tagged COSE_Sign1: the tag 18. */
const COSE_SIGN1 = 0xd2;

const PEM_KINDS: readonly (readonly [string, FileKind])[] = [
  ['-----BEGIN X509 CRL-----', 'crl'],
  ['-----BEGIN CERTIFICATE REQUEST-----', 'csr'],
  ['-----BEGIN NEW CERTIFICATE REQUEST-----', 'csr'],
  ['-----BEGIN CERTIFICATE-----', 'certificate'],
  [`-----BEGIN ${DELEGATE_PEM_LABEL}-----`, 'delegate'],
  [`-----BEGIN ${WALLET_EPOCH_PEM_LABEL}-----`, 'wallet-epoch'],
];

/** Looks at a file's outer form alone. Never throws. */
export function recognise(file: Bytes): Recognised {
  const text = textIn(file);
  if (text === undefined) return recogniseBinary(file);
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return { kind: kindOfJson(trimmed), text, bytes: file };
  const pem = PEM_KINDS.find(([label]) => trimmed.includes(label));
  if (pem !== undefined) return { kind: pem[1], text, bytes: file };
  const decoded = decodeText(trimmed);
  return decoded === undefined ? { kind: 'unknown', bytes: file } : recogniseBinary(decoded);
}

function recogniseBinary(bytes: Bytes): Recognised {
  if (bytes[0] === COSE_SIGN1) return { kind: 'message', bytes };
  return { kind: bytes[0] === TAG.sequence ? kindOfDer(bytes) : 'unknown', bytes };
}

/**
 * What follows the first two headers tells the three apart: a version in `[0]`, or a serial number, begins a
 * certificate; version 1 and an algorithm a CRL (RFC 5280 section 5.1); version 0 and a name a request (RFC 2986).
 */
function kindOfDer(bytes: Bytes): FileKind {
  try {
    return readOnly(bytes, (reader) => {
      const outer = reader.sequence();
      const body = outer.sequence();
      while (!outer.isAtEnd) outer.raw();
      let kind: FileKind = 'certificate';
      if (body.peek() === TAG.integer) {
        const version = body.integerBytes();
        if (version.length === 1 && (version[0] === 0 || version[0] === 1)) kind = version[0] === 0 ? 'csr' : 'crl';
      }
      while (!body.isAtEnd) body.raw();
      return kind;
    });
  } catch (error) {
    if (isMeshError(error)) return 'unknown';
    throw error;
  }
}

/** The first line of an export is a whole record; a ticket says what it is, in whatever state it is. */
function kindOfJson(text: string): FileKind {
  const end = text.indexOf('\n');
  const line = end === -1 ? text : text.slice(0, end);
  if (/"sign"\s*:/.test(line) && /"salt"\s*:/.test(line)) return 'export';
  return /"(?:format|trust_anchor)"\s*:/.test(text) ? 'ticket' : 'unknown';
}

function textIn(file: Bytes): string | undefined {
  try {
    const text = textOfUtf8(file);
    return /[^\P{Cc}\t\r\n]/u.test(text) ? undefined : text;
  } catch (error) {
    if (isMeshError(error)) return undefined;
    throw error;
  }
}

function decodeText(text: string): Bytes | undefined {
  const dense = text.replace(/\s+/g, '').replace(/^0x/, '');
  if (dense === '') return EMPTY;
  try {
    return /^[0-9a-fA-F]+$/.test(dense) && dense.length % 2 === 0 ? fromHex(dense) : fromBase64(dense);
  } catch (error) {
    if (isMeshError(error)) return undefined;
    throw error;
  }
}
