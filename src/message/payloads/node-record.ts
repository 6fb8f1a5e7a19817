import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import { CborReader } from '../../codec/cbor-reader.ts';
import { CborWriter } from '../../codec/cbor-writer.ts';
import { type Address, parseAddress } from './address.ts';
import { RECORD_BYTES_MAX } from '../limits.ts';

/**
 * What a node tells about itself: seed 002's information block. It travels as a message of the family `record`,
 * so the gate judges it like any other; its sequence is the message's incarnation and counter, which only rise.
 */
export interface NodeRecord {
  /** Where the node listens, one address an interface, best first. */
  readonly addresses: readonly Address[];
  /** A name for people; proves nothing. */
  readonly name: string;
  /** Version of the program. */
  readonly version: string;
  /** Streams that the node itself opened and that still have live messages: all before `firstLive` has ended. */
  readonly streams: readonly StreamExtent[];
}

export interface StreamExtent {
  readonly incarnation: number;
  readonly firstLive: number;
  readonly next: number;
}

/** One address an interface; a device has few, and a dial tries them all. */
export const ADDRESSES_MAX = 8;
/** A name for people: most are host names. */
export const NAME_BYTES_MAX = 64;
/** The number of a version. */
export const VERSION_BYTES_MAX = 32;
/** Starts of a node within one lifetime that still have live messages; older ones are left out of the record. */
export const RECORD_STREAMS_MAX = 8;

/** `{"name": text, "addrs": [text], "streams": [[incarnation, firstLive, next]], "version": text}`: bytewise order of the encoded keys. */
export function encodeNodeRecord(record: NodeRecord): Bytes {
  const writer = new CborWriter(256).map(4);
  writer.text('name').text(record.name);
  writer.text('addrs').array(Math.min(record.addresses.length, ADDRESSES_MAX));
  for (const address of record.addresses.slice(0, ADDRESSES_MAX)) writer.text(address);
  const streams = record.streams.slice(-RECORD_STREAMS_MAX);
  writer.text('streams').array(streams.length);
  for (const { incarnation, firstLive, next } of streams) writer.array(3).uint(incarnation).uint(firstLive).uint(next);
  writer.text('version').text(record.version);
  return writer.finish();
}

/** @throws ERR_MESSAGE_PAYLOAD for anything but the one encoding of a record. */
export function parseNodeRecord(payload: Bytes): NodeRecord {
  if (payload.length > RECORD_BYTES_MAX)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `node record of ${payload.length} bytes, expected at most ${RECORD_BYTES_MAX}`,
    );
  try {
    const reader = new CborReader(payload);
    if (reader.map(4) !== 4) throw new MeshError('ERR_MESSAGE_PAYLOAD', 'node record: expected four members');
    key(reader, 'name');
    const name = reader.text(NAME_BYTES_MAX);
    key(reader, 'addrs');
    const addresses = Array.from({ length: reader.array(ADDRESSES_MAX) }, () => parseAddress(reader.text(300)));
    key(reader, 'streams');
    const streams = Array.from({ length: reader.array(RECORD_STREAMS_MAX) }, () => {
      reader.arrayOf(3);
      return { incarnation: reader.uint(), firstLive: reader.uint(), next: reader.uint() };
    });
    key(reader, 'version');
    const version = reader.text(VERSION_BYTES_MAX);
    reader.end();
    return { addresses, name, version, streams };
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw new MeshError('ERR_MESSAGE_PAYLOAD', `node record: ${messageOf(error)}`, undefined, { cause: error });
  }
}

function key(reader: CborReader, name: string): void {
  if (reader.text(16) !== name) throw new MeshError('ERR_MESSAGE_PAYLOAD', `node record: expected "${name}"`);
}
