import { fromHex, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { CborReader } from '../../codec/cbor-reader.ts';
import type { CborWriter } from '../../codec/cbor-writer.ts';
import { STATEMENT_BYTES_MAX } from '../../identity/delegate/statement.ts';
import { parseMeshName } from '../../identity/mesh-name.ts';
import { parseNodeId } from '../../identity/node-id.ts';
import { parseAddress } from '../../message/payloads/address.ts';
import { MESSAGE_BYTES_MAX } from '../../message/limits.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { RANGES_MAX } from '../held/counter-ranges.ts';
import {
  BYE_REASONS,
  CHAINS_ASKED_MAX,
  CRL_HEADERS_MAX,
  CRL_PIECE_BYTES_MAX,
  type CrlHeader,
  DIGEST_STREAMS_MAX,
  type DigestStream,
  type Frame,
  type FrameTag,
  HELLO_ADDRESSES_MAX,
  KEYS_MAX,
} from './frame.ts';
import { CRL_BYTES_MAX } from '../../pki/x509/crl/crl.ts';
import { MESH_CERTIFICATE_BYTES_MAX, MESH_CHAIN_CERTIFICATES_MAX } from '../../pki/mesh/mesh-profile.ts';

/** First item of each frame's array. Numbers are never used again for something else. */
export const FRAME_TYPES: Readonly<Record<FrameTag, number>> = {
  hello: 1,
  message: 2,
  have: 3,
  want: 4,
  pull: 5,
  'pull-same': 6,
  'pull-differs': 7,
  digest: 8,
  'pull-done': 9,
  'want-chains': 10,
  chain: 11,
  crls: 12,
  'want-crl': 13,
  'crl-piece': 14,
  credit: 15,
  ping: 16,
  pong: 17,
  bye: 18,
  delegate: 19,
};

/** What a frame holds behind its type, written and strictly read. */
export interface FrameBody<F> {
  /** Items of the array, the type included. */
  readonly items: number;
  readonly encode: (writer: CborWriter, frame: F) => void;
  readonly decode: (reader: CborReader) => F;
}

const NOTHING = (): void => undefined;

/** Item by item, as the table of spec 04 has them. */
export const FRAME_BODIES: { readonly [T in FrameTag]: FrameBody<Extract<Frame, { tag: T }>> } = {
  hello: {
    items: 9,
    encode: (w, f) => {
      w.uint(f.version).text(f.mesh).text(f.nodeId).text(f.software);
      w.array(f.addresses.length);
      for (const address of f.addresses) w.text(address);
      encodeCrls(w, f.crls);
      w.uint(f.heldIncarnation).uint(f.windowBytes);
    },
    decode: (r) => ({
      tag: 'hello',
      version: r.uint(),
      mesh: parseMeshName(r.text(31)),
      nodeId: parseNodeId(r.text(63)),
      software: r.text(64),
      addresses: list(r, HELLO_ADDRESSES_MAX, () => parseAddress(r.text(300))),
      crls: decodeCrls(r),
      heldIncarnation: r.uint(),
      windowBytes: r.uint(),
    }),
  },
  message: {
    items: 2,
    encode: (w, f) => void w.bytes(f.bytes),
    decode: (r) => ({ tag: 'message', bytes: r.bytes(MESSAGE_BYTES_MAX) }),
  },
  have: {
    items: 2,
    encode: (w, f) => encodeHashes(w, f.keys),
    decode: (r) => ({ tag: 'have', keys: decodeHashes(r, KEYS_MAX) }),
  },
  want: {
    items: 2,
    encode: (w, f) => encodeHashes(w, f.keys),
    decode: (r) => ({ tag: 'want', keys: decodeHashes(r, KEYS_MAX) }),
  },
  pull: {
    items: 4,
    encode: (w, f) => encodeCrls(w.uint(f.id).bytes(fromHex(f.summary)), f.crls),
    decode: (r) => ({ tag: 'pull', id: r.uint(), summary: toHex(r.bytesOf(8)), crls: decodeCrls(r) }),
  },
  'pull-same': { items: 2, encode: (w, f) => void w.uint(f.id), decode: (r) => ({ tag: 'pull-same', id: r.uint() }) },
  'pull-differs': {
    items: 2,
    encode: (w, f) => void w.uint(f.id),
    decode: (r) => ({ tag: 'pull-differs', id: r.uint() }),
  },
  digest: {
    items: 6,
    encode: (w, f) => {
      w.uint(f.id).text(f.from).text(f.to).bool(f.last).array(f.streams.length);
      for (const { key, ranges } of f.streams) {
        w.array(2).text(key).array(ranges.length);
        for (const bound of ranges) w.uint(bound);
      }
    },
    decode: (r) => ({
      tag: 'digest',
      id: r.uint(),
      from: r.text(100),
      to: r.text(100),
      last: r.bool(),
      streams: list(r, DIGEST_STREAMS_MAX, () => decodeDigestStream(r)),
    }),
  },
  'pull-done': {
    items: 3,
    encode: (w, f) => void w.uint(f.id).bool(f.more),
    decode: (r) => ({ tag: 'pull-done', id: r.uint(), more: r.bool() }),
  },
  'want-chains': {
    items: 2,
    encode: (w, f) => encodeHashes(w, f.voucherIds),
    decode: (r) => ({ tag: 'want-chains', voucherIds: decodeHashes(r, CHAINS_ASKED_MAX) }),
  },
  chain: {
    items: 2,
    encode: (w, f) => {
      w.array(f.certificates.length);
      for (const der of f.certificates) w.bytes(der);
    },
    decode: (r) => ({
      tag: 'chain',
      certificates: list(r, MESH_CHAIN_CERTIFICATES_MAX, () => r.bytes(MESH_CERTIFICATE_BYTES_MAX)),
    }),
  },
  delegate: {
    items: 2,
    encode: (w, f) => void w.bytes(f.statement),
    decode: (r) => ({ tag: 'delegate', statement: r.bytes(STATEMENT_BYTES_MAX) }),
  },
  crls: { items: 2, encode: (w, f) => encodeCrls(w, f.crls), decode: (r) => ({ tag: 'crls', crls: decodeCrls(r) }) },
  'want-crl': {
    items: 4,
    encode: (w, f) => void w.bytes(fromHex(f.issuerKeyHash)).uint(f.number).uint(f.offset),
    decode: (r) => ({ tag: 'want-crl', issuerKeyHash: toHex(r.bytesOf(32)), number: r.uint(), offset: r.uint() }),
  },
  'crl-piece': {
    items: 6,
    encode: (w, f) => void w.bytes(fromHex(f.issuerKeyHash)).uint(f.number).uint(f.offset).uint(f.total).bytes(f.bytes),
    decode: (r) => decodeCrlPiece(r),
  },
  credit: { items: 2, encode: (w, f) => void w.uint(f.bytes), decode: (r) => ({ tag: 'credit', bytes: r.uint() }) },
  ping: { items: 1, encode: NOTHING, decode: () => ({ tag: 'ping' }) },
  pong: { items: 1, encode: NOTHING, decode: () => ({ tag: 'pong' }) },
  bye: {
    items: 2,
    encode: (w, f) => void w.text(f.reason),
    decode: (r) => ({ tag: 'bye', reason: decodeByeReason(r.text(16)) }),
  },
};

function list<T>(reader: CborReader, countMax: number, read: () => T): T[] {
  const count = reader.array(countMax);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

function encodeHashes(writer: CborWriter, hashes: readonly string[]): void {
  writer.array(hashes.length);
  for (const hash of hashes) writer.bytes(fromHex(hash));
}

function decodeHashes(reader: CborReader, countMax: number): string[] {
  return list(reader, countMax, () => toHex(reader.bytesOf(32)));
}

function encodeCrls(writer: CborWriter, crls: readonly CrlHeader[]): void {
  writer.array(crls.length);
  for (const { issuerKeyHash, number, thisUpdate } of crls)
    writer.array(3).bytes(fromHex(issuerKeyHash)).uint(number).uint(thisUpdate);
}

function decodeCrls(reader: CborReader): CrlHeader[] {
  return list(reader, CRL_HEADERS_MAX, () => {
    reader.arrayOf(3);
    return { issuerKeyHash: toHex(reader.bytesOf(32)), number: reader.uint(), thisUpdate: reader.uint() };
  });
}

function decodeDigestStream(reader: CborReader): DigestStream {
  reader.arrayOf(2);
  const key = reader.text(100) as StreamKey;
  const ranges = list(reader, 2 * RANGES_MAX, () => reader.uint());
  for (let i = 0; i < ranges.length; i++)
    if (i > 0 && (ranges[i] as number) <= (ranges[i - 1] as number))
      throw new MeshError('ERR_CBOR', 'digest: ranges do not rise');
  if (ranges.length % 2 !== 0) throw new MeshError('ERR_CBOR', 'digest: half a range');
  return { key, ranges };
}

function decodeCrlPiece(reader: CborReader): Extract<Frame, { tag: 'crl-piece' }> {
  const issuerKeyHash = toHex(reader.bytesOf(32));
  const number = reader.uint();
  const offset = reader.uint();
  const total = reader.uint();
  const bytes = reader.bytes(CRL_PIECE_BYTES_MAX);
  if (total > CRL_BYTES_MAX || offset + bytes.length > total)
    throw new MeshError('ERR_CBOR', 'CRL piece: outside of its list');
  return { tag: 'crl-piece', issuerKeyHash, number, offset, total, bytes };
}

function decodeByeReason(text: string): (typeof BYE_REASONS)[number] {
  const reason = BYE_REASONS.find((known) => known === text);
  if (reason === undefined) throw new MeshError('ERR_CBOR', 'bye: unknown reason');
  return reason;
}
