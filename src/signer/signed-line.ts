import { type Bytes, concatBytes, textOfUtf8, utf8 } from '../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../base/errors.ts';
import { parseJson } from '../codec/json.ts';
import { POINT_BYTES, RECORD_SIGNATURE_BYTES } from '../ports/batch-signer.ts';
import type { SignedRecord } from '../ports/record-store.ts';
import { parseRecord } from './record.ts';

/** A signed record as JSON: the seed's sample, without the database's `_id`. */
export interface SignedRecordJson {
  readonly id: string;
  readonly msg: string;
  /** 0x and 65 bytes: r || s || v. */
  readonly sign: string;
  readonly salt: string;
  /** 0x and 65 bytes: the uncompressed point. */
  readonly key: string;
}

export function signedRecordJson(record: SignedRecord): SignedRecordJson {
  return {
    id: record.id,
    msg: textOfUtf8(record.message),
    sign: `0x${record.signature.toHex()}`,
    salt: record.salt,
    key: `0x${record.publicKey.toHex()}`,
  };
}

/**
 * Reads a signed record, in the spelling of the sample or of the struct in the seed (`Id`, `Msg`, `Signature`, `Salt`,
 * `PublicKey`). Whether the signature is right is not looked at here.
 * @throws ERR_RECORD_...
 */
export function parseSignedRecord(value: unknown): SignedRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MeshError('ERR_RECORD_MALFORMED', 'expected an object {"id", "msg", "sign", "salt", "key"}');
  const members = value as Readonly<Record<string, unknown>>;
  const { id, message } = parseRecord(members['id'] ?? members['Id'], members['msg'] ?? members['Msg']);
  const salt = members['salt'] ?? members['Salt'];
  // The length is fixed, or salt and message could be cut elsewhere and hash the same (T21).
  if (typeof salt !== 'string' || !/^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(salt))
    throw new MeshError('ERR_RECORD_SALT', 'salt: expected the 36 characters of a UUID');
  return {
    id,
    message,
    salt,
    signature: hexMember(
      'sign',
      members['sign'] ?? members['Signature'],
      RECORD_SIGNATURE_BYTES,
      'ERR_RECORD_SIGNATURE',
    ),
    publicKey: hexMember('key', members['key'] ?? members['PublicKey'], POINT_BYTES, 'ERR_RECORD_KEY'),
  };
}

/** What is hashed (spec 13 section 1). */
export function preimageOf(record: Pick<SignedRecord, 'salt' | 'message'>): Bytes {
  return concatBytes(utf8(record.salt), record.message);
}

/** The value of a line of JSON. @throws ERR_RECORD_MALFORMED, ERR_RECORD_UTF8 */
export function parseJsonLine(line: Bytes): unknown {
  let text: string;
  try {
    text = textOfUtf8(line);
  } catch (error) {
    if (isMeshError(error)) throw new MeshError('ERR_RECORD_UTF8', 'the line is not valid UTF-8');
    throw error;
  }
  try {
    return parseJson(text, 'left'); // that is ERR_RECORD_UTF8, where a record is read
  } catch (error) {
    throw new MeshError('ERR_RECORD_MALFORMED', `the line: ${messageOf(error)}`);
  }
}

function hexMember(
  name: string,
  value: unknown,
  bytes: number,
  code: 'ERR_RECORD_SIGNATURE' | 'ERR_RECORD_KEY',
): Bytes {
  if (typeof value !== 'string' || value.length !== 2 + 2 * bytes || !/^0x[0-9A-Fa-f]*$/.test(value))
    throw new MeshError(code, `${name}: expected 0x and ${2 * bytes} hex digits`);
  return Uint8Array.fromHex(value.slice(2));
}
