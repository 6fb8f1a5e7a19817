import { MeshError } from '../../../base/errors.ts';
import { type DerReader, SMALL_INTEGER_BYTES_MAX } from '../../../codec/der-reader.ts';
import { TAG } from '../../../codec/der-tag.ts';

/** Elements of a list inside an extension (policies, mappings, usages, descriptions, subtrees). */
export const EXTENSION_LIST_MAX = 8_192;

/** `SEQUENCE SIZE (1..MAX) OF`. */
export function readList<T>(list: DerReader, readItem: (list: DerReader) => T): T[] {
  const items: T[] = [];
  if (list.isAtEnd) refuse('list in an extension is empty');
  while (!list.isAtEnd) {
    if (items.length >= EXTENSION_LIST_MAX) refuse(`list in an extension has more than ${EXTENSION_LIST_MAX} items`);
    items.push(readItem(list));
  }
  return items;
}

/** A count of certificates. One that is too long to be counted bounds nothing. */
export function readCount(reader: DerReader, tag: number = TAG.integer): number {
  const bytes = reader.integerBytes(tag);
  if ((bytes[0] as number) >= 0x80) refuse('count of certificates is negative');
  return bytes.length > SMALL_INTEGER_BYTES_MAX
    ? Number.POSITIVE_INFINITY
    : bytes.reduce((n, byte) => n * 256 + byte, 0);
}

export function refuse(message: string): never {
  throw new MeshError('ERR_CERTIFICATE', message);
}
