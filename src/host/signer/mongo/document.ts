import { BSON, type Document } from 'mongodb';
import { textOfUtf8 } from '../../../base/bytes.ts';
import { isMeshError, quoted } from '../../../base/errors.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { RECORD_SIGNATURE_BYTES, SALT_BYTES } from '../../../ports/batch-signer.ts';
import type { MalformedRecord, NewRecord, SignedChunk } from '../../../ports/record-store.ts';
import { saltText } from '../../../signer/salt.ts';

/** A record as it was read, with what is needed to delete it and nothing that came since. */
export interface RecordDocument {
  readonly record: NewRecord;
  readonly document: Document;
}

/** For replies whose every text is taken, replaced where it is not UTF-8: who asks looks at ids only. */
export const LENIENT = { enableUtf8Validation: false } as const;

export type ReadDocument<T> =
  | { readonly tag: 'read'; readonly value: T; readonly document: Document; readonly bytes: number }
  | { readonly tag: 'malformed'; readonly malformed: MalformedRecord };

/** Members that {@link signedDocuments} and {@link conflictDocument} write themselves. */
const OWN_MEMBERS: ReadonlySet<string> = new Set(['_id', 'id', 'Id', 'msg', 'Msg', 'key', 'salt', 'sign']);

/**
 * Reads a document as it came over the wire. One at a time, because the driver gives up a whole reply where one text in
 * it is not UTF-8, and another program may have written that.
 */
export function readDocument<T>(raw: Uint8Array, parse: (document: Document) => T): ReadDocument<T> {
  let document: Document | undefined;
  try {
    document = decoded(raw, true);
    return { tag: 'read', value: parse(document), document, bytes: raw.length };
  } catch (error) {
    const code = malformedCode(error);
    const name = BSON.EJSON.stringify((document ?? decoded(raw, false))['_id'] ?? null);
    return { tag: 'malformed', malformed: { record: `_id ${quoted(name)}`, code } };
  }
}

/** The id and message of a signed document, as far as they can be told: `undefined` message where it is not text. */
export function signedMessage(raw: Uint8Array): { readonly id: string; readonly msg: string | undefined } {
  const { id, msg } = decoded(raw, false);
  const read = readDocument(raw, () => undefined);
  return { id: String(id), msg: read.tag === 'read' && typeof msg === 'string' ? msg : undefined };
}

/** What is kept of signed records: the members of the seed, and those that another program had added. */
export function signedDocuments({ chunk, publicKeys, keyIndexes, salts, signatures }: SignedChunk): Document[] {
  const keys = publicKeys.map((key) => `0x${key.toHex()}`);
  return (chunk.handle as readonly RecordDocument[]).map(({ record, document }, i) => ({
    ...othersOf(document),
    _id: document['_id'] as unknown,
    id: record.id,
    key: keys[keyIndexes[i] as number],
    msg: textOfUtf8(record.message),
    salt: saltText(salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES)),
    sign: `0x${signatures.subarray(i * RECORD_SIGNATURE_BYTES, (i + 1) * RECORD_SIGNATURE_BYTES).toHex()}`,
  }));
}

/** A record whose id was signed before with another message. */
export function conflictDocument({ record, document }: RecordDocument): Document {
  return {
    ...othersOf(document),
    _id: document['_id'] as unknown,
    id: record.id,
    msg: textOfUtf8(record.message),
  };
}

/**
 * The `_id` of a conflict where an earlier one has that of the record: the same for the same record and message, so that
 * a crash before the record is deleted does not count it twice.
 */
export function laterConflictId({ record, document }: RecordDocument): Document {
  return { record: document['_id'] as unknown, message: sha256(record.message).toHex() };
}

/** The driver's own decoding, which refuses or replaces what is not UTF-8. */
function decoded(raw: Uint8Array, isStrict: boolean): Document {
  return BSON.deserialize(raw, { validation: { utf8: isStrict } });
}

/** Names that a database takes in any place it is told to store them. */
function othersOf(document: Document): Document {
  const others = Object.entries(document).filter(([name]) => !OWN_MEMBERS.has(name) && !/^\$|\./.test(name));
  return Object.fromEntries(others);
}

function malformedCode(error: unknown): MalformedRecord['code'] {
  if (isMeshError(error)) return error.code;
  if (error instanceof BSON.BSONError) return 'ERR_RECORD_UTF8';
  throw error;
}
