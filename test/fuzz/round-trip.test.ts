import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concatBytes } from '../../src/base/bytes.ts';
import { HOUR_MS, type UnixMs } from '../../src/base/time.ts';
import { encodePem, parsePem } from '../../src/codec/pem.ts';
import { renderTicket, parseTicket } from '../../src/api/ticket.ts';
import { ecdsaDerToRaw, ecdsaRawToDer } from '../../src/crypto/curve/ecdsa-signature.ts';
import { BYE_REASONS, type Frame } from '../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../src/engine/links/frame-splitter.ts';
import type { NodeId } from '../../src/identity/node-id.ts';
import { formatAddress } from '../../src/message/payloads/address.ts';
import { encodeAnnouncement, parseAnnouncement } from '../../src/message/announcement.ts';
import { parseAudience } from '../../src/message/audience.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, composeMessage } from '../../src/message/message.ts';
import { parseMessage } from '../../src/message/message-reader.ts';
import { parseMessageId, streamKeyOf } from '../../src/message/message-id.ts';
import { encodeNodeRecord, parseNodeRecord } from '../../src/message/payloads/node-record.ts';
import type { Certificate } from '../../src/pki/x509/certificate/certificate.ts';
import { buildCrl } from '../../src/pki/x509/crl/crl-build.ts';
import { parseCrl } from '../../src/pki/x509/crl/crl.ts';
import { generatePkcs8, softwareSigner } from '../../src/crypto/keys/signer.ts';
import { MESH, MeshFixture, NOW_MS } from '../support/mesh/mesh-fixture.ts';

/** What this program can say, made from the grammar of each format. The seed is fixed; fast-check prints it where one fails. */
const RUNS = { numRuns: 1_000, seed: 7 } as const;

function bytes(min: number, max: number): fc.Arbitrary<Bytes> {
  return fc.uint8Array({ minLength: min, maxLength: max }).map((made) => new Uint8Array(made));
}

/** A plain object: one without a prototype is another to `deepEqual`. */
function record<T, K extends keyof T = keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  options: { readonly requiredKeys?: K[] } = {},
) {
  return fc.record<T, K>(model, { ...options, noNullPrototype: true });
}

const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const hash = bytes(32, 32).map((made) => made.toHex());
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/).filter((text) => text !== 'authority');
const nodeId = label.map((text) => text as NodeId);
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc
  .tuple(fc.oneof(fc.ipV4(), fc.constant('2001:db8::1'), label), port)
  .map(([host, at]) => formatAddress(host, at));
const type = fc.oneof(
  fc.constantFrom('indicator', 'record'),
  fc.tuple(fc.constantFrom('sensor', 'command'), label).map((parts) => parts.join('/')),
);

const fields = record({
  algorithm: fc.constantFrom('ES256' as const, 'Ed25519' as const),
  type: type.map(parseMessageType),
  contentType: fc.constantFrom('application/json', 'text/plain', 'application/octet-stream'),
  origin: nodeId,
  audience: fc.option(
    fc
      .oneof(
        nodeId,
        fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/).map((role) => `role:${role}`),
      )
      .map(parseAudience),
    { nil: undefined },
  ),
  incarnation: count,
  counter: count,
  issuedAt: fc.nat({ max: 4_000_000_000 }).map((seconds) => (seconds * 1_000) as UnixMs),
  expiresAt: fc.nat({ max: 4_000_000_000 }).map((seconds) => (seconds * 1_000) as UnixMs),
  voucherHash: bytes(32, 32),
  payload: bytes(0, 600),
});

const crls = fc.array(record({ issuerKeyHash: hash, number: count, thisUpdate: count }), { maxLength: 8 });
const keys = fc.array(hash, { maxLength: 40 });

const frame: fc.Arbitrary<Frame> = fc.oneof(
  record({
    tag: fc.constant('hello' as const),
    version: count,
    mesh: fc.constant(MESH),
    nodeId,
    software: fc.string({ maxLength: 12 }),
    addresses: fc.array(address, { maxLength: 8 }),
    crls,
    heldIncarnation: count,
    windowBytes: count,
  }),
  record({ tag: fc.constant('message' as const), bytes: bytes(0, 900) }),
  record({ tag: fc.constantFrom('have' as const, 'want' as const), keys }),
  record({ tag: fc.constant('pull' as const), id: count, summary: bytes(8, 8).map((made) => made.toHex()), crls }),
  record({ tag: fc.constantFrom('pull-same' as const, 'pull-differs' as const), id: count }),
  record({
    tag: fc.constant('digest' as const),
    id: count,
    from: label,
    to: label,
    last: fc.boolean(),
    streams: fc.array(
      record({
        key: fc.tuple(nodeId, count).map(([origin, incarnation]) => streamKeyOf(origin, incarnation)),
        ranges: fc.uniqueArray(count, { maxLength: 16 }).map((all) => all.sort((a, b) => a - b).slice(all.length % 2)),
      }),
      { maxLength: 20 },
    ),
  }),
  record({ tag: fc.constant('pull-done' as const), id: count, more: fc.boolean() }),
  record({ tag: fc.constant('want-chains' as const), voucherIds: fc.array(hash, { maxLength: 32 }) }),
  record({ tag: fc.constant('chain' as const), certificates: fc.array(bytes(0, 900), { maxLength: 4 }) }),
  record({ tag: fc.constant('crls' as const), crls }),
  record({ tag: fc.constant('want-crl' as const), issuerKeyHash: hash, number: count, offset: count }),
  record({
    issuerKeyHash: hash,
    number: count,
    offset: fc.nat(9_000_000),
    bytes: bytes(0, 300),
    more: fc.nat(1_000),
  }).map(({ more, ...piece }) => ({
    tag: 'crl-piece' as const,
    ...piece,
    total: piece.offset + piece.bytes.length + more,
  })),
  record({ tag: fc.constant('credit' as const), bytes: count }),
  record({ tag: fc.constantFrom('ping' as const, 'pong' as const) }),
  record({ tag: fc.constant('bye' as const), reason: fc.constantFrom(...BYE_REASONS) }),
);

describe('decode(encode(x)) is x', () => {
  it('messages', () => {
    fc.assert(
      fc.property(fields, bytes(64, 64), (said, signature) => {
        const message = assembleMessage(composeMessage(MESH, said), signature);
        const read = parseMessage(MESH, message.bytes);
        assert.deepEqual(read, message);
        assert.deepEqual(parseMessageId(read.id), {
          origin: said.origin,
          incarnation: said.incarnation,
          counter: said.counter,
        });
      }),
      RUNS,
    );
  });

  it('frames, however the stream of them is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 500 }), (frames, step) => {
        const stream = concatBytes(...frames.map(encodeFrame));
        const splitter = new FrameSplitter();
        const bodies: Bytes[] = [];
        for (let at = 0; at < stream.length; at += step) bodies.push(...splitter.push(stream.subarray(at, at + step)));
        assert.deepEqual(bodies.map(decodeFrame), frames);
        assert.equal(splitter.pendingBytes, 0);
      }),
      RUNS,
    );
  });

  it('node records', () => {
    const extent = record({ incarnation: count, firstLive: count, next: count });
    const nodeRecord = record({
      addresses: fc.array(address, { maxLength: 8 }),
      name: fc.string({ maxLength: 16 }),
      version: fc.string({ maxLength: 8 }),
      streams: fc.array(extent, { maxLength: 8 }),
    });
    fc.assert(
      fc.property(nodeRecord, (said) => assert.deepEqual(parseNodeRecord(encodeNodeRecord(said)), said)),
      RUNS,
    );
  });

  it('announcements', () => {
    const announcement = record({ tag: bytes(8, 8), port });
    fc.assert(
      fc.property(announcement, (said) => assert.deepEqual(parseAnnouncement(encodeAnnouncement(said)), said)),
      RUNS,
    );
  });

  it('PEM', () => {
    const ders = fc.array(bytes(1, 200), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(ders, (said) =>
        assert.deepEqual(parsePem(said.map((der) => encodePem('CERTIFICATE', der)).join(''), 'CERTIFICATE'), said),
      ),
      RUNS,
    );
  });

  it('ECDSA signatures', () => {
    fc.assert(
      fc.property(bytes(64, 64), (raw) => assert.deepEqual(ecdsaDerToRaw(ecdsaRawToDer(raw)), raw)),
      RUNS,
    );
  });

  it('tickets', () => {
    const ticket = fc.record(
      {
        format: fc.constant('chainmail-ticket-1' as const),
        mesh: label,
        endpoint: port.map((at) => `https://127.0.0.1:${at}`),
        trust_anchor: fc.string({ maxLength: 200, unit: 'grapheme' }),
        token: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }),
        expires_at: fc.constant(new Date(NOW_MS).toISOString()),
        bootstrap_peers: fc.array(record({ node_id: nodeId, address }), { maxLength: 8 }),
        node_id: nodeId,
        roles: fc.array(label, { maxLength: 16 }),
      },
      { requiredKeys: ['format', 'mesh', 'endpoint', 'trust_anchor', 'token', 'expires_at', 'bootstrap_peers'] },
    );
    fc.assert(
      fc.property(ticket, (said) => assert.deepEqual(parseTicket(renderTicket(said)), { ...said })),
      RUNS,
    );
  });

  it('revocation lists', async () => {
    const fixture = await MeshFixture.create('fuzz', 'a');
    const issuer = fixture.member('a').chain[1] as Certificate;
    const signer = softwareSigner(generatePkcs8('P-256'));
    const entry = record({
      serial: bytes(1, 19).map((made) => made.toHex().replace(/^0+/, '') || '1'),
      revokedAt: fc.nat({ max: 4_000_000_000 }).map((seconds) => (seconds * 1_000) as UnixMs),
      reason: fc.constantFrom('unspecified' as const, 'keyCompromise' as const, 'superseded' as const),
    });
    const entries = fc.uniqueArray(entry, { selector: ({ serial }) => serial, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (said, number) => {
        const times = { thisUpdate: NOW_MS, nextUpdate: (NOW_MS + HOUR_MS) as UnixMs };
        const read = parseCrl(await buildCrl({ issuer, number, entries: said, ...times }, signer));
        assert.deepEqual([...read.revocations()], said);
        assert.equal(read.number, BigInt(number));
      }),
      { ...RUNS, numRuns: 300 },
    );
  });
});
