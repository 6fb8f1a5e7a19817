import type { Bytes } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { DerReader } from '../../../codec/der-reader.ts';
import { contextTag } from '../../../codec/der-tag.ts';
import { type DistinguishedName, readName } from './distinguished-name.ts';

/** Names in one extension. Far above any certificate of this mesh (3), below what makes constraint checks quadratic. */
export const GENERAL_NAMES_MAX = 8_192;

/** A name of an alternative-name extension or a name constraint (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  | { readonly tag: 'dns' | 'email' | 'uri'; readonly value: string }
  | { readonly tag: 'ip'; readonly octets: Bytes }
  | { readonly tag: 'directory'; readonly name: DistinguishedName }
  | { readonly tag: 'other'; readonly typeId: string; readonly value: Bytes }
  | { readonly tag: 'x400' | 'edi-party' | 'registered-id'; readonly der: Bytes };

/** `SEQUENCE SIZE (1..MAX) OF GeneralName`. */
export function readGeneralNames(names: DerReader): GeneralName[] {
  const found: GeneralName[] = [];
  if (names.isAtEnd) throw new MeshError('ERR_CERTIFICATE', 'list of names is empty');
  while (!names.isAtEnd) {
    if (found.length >= GENERAL_NAMES_MAX)
      throw new MeshError('ERR_CERTIFICATE', `list of more than ${GENERAL_NAMES_MAX} names`);
    found.push(readGeneralName(names));
  }
  return found;
}

/** @throws ERR_DER and ERR_CERTIFICATE. The text of a name is ASCII; whether it makes sense is judged with the path. */
export function readGeneralName(reader: DerReader): GeneralName {
  const tag = reader.peek();
  switch (tag) {
    case contextTag(0, 'constructed'): {
      const other = reader.nested(tag);
      const typeId = other.oid();
      const explicit = other.nested(contextTag(0, 'constructed'));
      const value = explicit.raw();
      explicit.end();
      other.end();
      return { tag: 'other', typeId, value };
    }
    case contextTag(1, 'primitive'):
      return { tag: 'email', value: ascii(reader.content(tag)) };
    case contextTag(2, 'primitive'):
      return { tag: 'dns', value: ascii(reader.content(tag)) };
    case contextTag(3, 'constructed'):
      return { tag: 'x400', der: reader.raw() };
    case contextTag(4, 'constructed'): {
      const explicit = reader.nested(tag);
      const name = readName(explicit);
      explicit.end();
      return { tag: 'directory', name };
    }
    case contextTag(5, 'constructed'):
      return { tag: 'edi-party', der: reader.raw() };
    case contextTag(6, 'primitive'):
      return { tag: 'uri', value: ascii(reader.content(tag)) };
    case contextTag(7, 'primitive'):
      return { tag: 'ip', octets: reader.content(tag) };
    case contextTag(8, 'primitive'): {
      const der = reader.peekRaw();
      reader.oid(tag);
      return { tag: 'registered-id', der };
    }
    default:
      throw new MeshError('ERR_CERTIFICATE', 'name of an unknown form');
  }
}

function ascii(bytes: Bytes): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0 || byte >= 0x80) throw new MeshError('ERR_CERTIFICATE', 'name is not ASCII text');
    text += String.fromCharCode(byte);
  }
  return text;
}
