import { type Bytes, utf8 } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import type { NewRecord } from '../ports/record-store.ts';

/** Bytes of an id: a hash, a UUID or a path fits; an index over ids stays small. */
export const ID_BYTES_MAX = 256;
/** Bytes of a message: what is longer is better signed by its hash. */
export const RECORD_MESSAGE_BYTES_MAX = 1024 * 1024;

/**
 * The one judgement of a record that somebody hands in.
 * @throws ERR_RECORD_ID, ERR_RECORD_MESSAGE, ERR_RECORD_UTF8 for text with half a surrogate pair, which has no UTF-8.
 */
export function parseRecord(id: unknown, msg: unknown): NewRecord {
  if (typeof id !== 'string') throw new MeshError('ERR_RECORD_ID', 'id: expected text');
  if (typeof msg !== 'string') throw new MeshError('ERR_RECORD_MESSAGE', 'msg: expected text');
  if (!id.isWellFormed() || !msg.isWellFormed())
    throw new MeshError('ERR_RECORD_UTF8', 'id or msg has half a surrogate pair, expected Unicode text');
  checkLength('ERR_RECORD_ID', 'id', id.length > ID_BYTES_MAX ? id.length : utf8(id).length, ID_BYTES_MAX);
  if (msg.length > RECORD_MESSAGE_BYTES_MAX)
    checkLength('ERR_RECORD_MESSAGE', 'msg', msg.length, RECORD_MESSAGE_BYTES_MAX);
  const message: Bytes = utf8(msg);
  checkLength('ERR_RECORD_MESSAGE', 'msg', message.length, RECORD_MESSAGE_BYTES_MAX);
  return { id, message };
}

/** A record from JSON as programs write it: `{id, msg}`, or `{Id, Msg}` as the fields of the seed's program are called. */
export function parseRecordJson(value: unknown): NewRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MeshError('ERR_RECORD_MALFORMED', 'expected an object {"id": …, "msg": …}');
  const members = value as Readonly<Record<string, unknown>>;
  return parseRecord(members['id'] ?? members['Id'], members['msg'] ?? members['Msg']);
}

function checkLength(code: 'ERR_RECORD_ID' | 'ERR_RECORD_MESSAGE', name: string, bytes: number, max: number): void {
  if (bytes === 0) throw new MeshError(code, `${name} is empty`);
  if (bytes > max) throw new MeshError(code, `${name} is longer than ${max} bytes`);
}
