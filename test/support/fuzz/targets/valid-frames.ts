import { utf8 } from '../../../../src/base/bytes.ts';
import { BYE_REASONS, type Frame, LINK_VERSION } from '../../../../src/engine/links/frame.ts';
import { parseNodeId } from '../../../../src/identity/node-id.ts';
import { parseAddress } from '../../../../src/message/payloads/address.ts';
import { streamKeyOf } from '../../../../src/message/message-id.ts';
import { MESH } from '../../mesh/mesh-fixture.ts';

const HASH = 'ab'.repeat(32);
const CRLS = [{ issuerKeyHash: HASH, number: 1_800_000_000, thisUpdate: 1_800_000_001 }];
const NODE = parseNodeId('n1');

/** One frame of every kind, the hello first; with the members that a peer can make long. */
export function validFrames(): readonly [Frame, ...Frame[]] {
  return [
    {
      tag: 'hello',
      version: LINK_VERSION,
      mesh: MESH,
      nodeId: NODE,
      software: 'chainmail/1.2.3',
      addresses: [parseAddress('192.0.2.1:8441'), parseAddress('[2001:db8::1]:65535')],
      crls: CRLS,
      heldIncarnation: 1_800_000_000,
      windowBytes: 262_144,
    },
    { tag: 'message', bytes: utf8('no message, but bytes') },
    { tag: 'have', keys: [HASH, '00'.repeat(32)] },
    { tag: 'want', keys: [] },
    { tag: 'pull', id: 7, summary: '0011223344556677', crls: CRLS },
    { tag: 'pull-same', id: 7 },
    { tag: 'pull-differs', id: 2 ** 40 },
    {
      tag: 'digest',
      id: 7,
      from: '',
      to: 'n9',
      last: true,
      streams: [{ key: streamKeyOf(NODE, 1_800_000_000), ranges: [0, 5, 7, 900] }],
    },
    { tag: 'pull-done', id: 7, more: false },
    { tag: 'want-chains', voucherIds: [HASH] },
    { tag: 'chain', certificates: [utf8('leaf'), utf8('issuer')] },
    { tag: 'delegate', statement: utf8('no statement, but bytes') },
    { tag: 'crls', crls: CRLS },
    { tag: 'want-crl', issuerKeyHash: HASH, number: 5, offset: 49_152 },
    { tag: 'crl-piece', issuerKeyHash: HASH, number: 5, offset: 0, total: 12, bytes: new Uint8Array(12) },
    { tag: 'credit', bytes: 65_536 },
    { tag: 'ping' },
    { tag: 'pong' },
    ...BYE_REASONS.map((reason): Frame => ({ tag: 'bye', reason })),
  ];
}
