import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concatBytes, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { UNIX_SECONDS_MAX, unixMsFromSeconds } from '../../src/base/time.ts';
import { CborWriter } from '../../src/codec/cbor-writer.ts';
import { PublicKey } from '../../src/crypto/keys/public-key.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { nodeIdOfSpki, parseNodeId } from '../../src/identity/node-id.ts';
import { parseAudience } from '../../src/message/audience.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { PROTECTED_BYTES_MAX, SIGNATURE_BYTES_MAX } from '../../src/cose/sign1.ts';
import { CONTENT_TYPE_BYTES_MAX, MESSAGE_BYTES_MAX, PAYLOAD_BYTES_MAX } from '../../src/message/limits.ts';
import {
  assembleMessage,
  composeMessage,
  externalAad,
  isSameCopy,
  type MessageFields,
  parseComposed,
} from '../../src/message/message.ts';
import { parseMessage } from '../../src/message/message-reader.ts';
import { MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { missingVectors, readVectors } from '../support/vectors.ts';

interface MessageVectors {
  readonly spki_hex: string;
  readonly node_id: string;
  readonly x5t_sha256: string;
  readonly cases: readonly {
    readonly name: string;
    readonly mesh: string;
    readonly type: string;
    readonly content_type: string;
    readonly origin: string;
    readonly aud: string | null;
    readonly incarnation: number;
    readonly counter: number;
    readonly iat: number;
    readonly exp: number;
    readonly message_id: string;
    readonly payload: string;
    readonly protected: string;
    readonly external_aad: string;
    readonly to_be_signed: string;
    readonly content_hash: string;
    readonly signature: string;
    readonly message: string;
  }[];
}

const VECTORS = 'message/messages.json';
const skip = missingVectors(VECTORS);
const MESH = parseMeshName('demo');

describe('message (spec 03)', () => {
  if (skip !== false) {
    it('vectors', { skip }, () => undefined);
  } else {
    const { cases, spki_hex, node_id, x5t_sha256 } = readVectors<MessageVectors>(VECTORS);

    it('names the vectors\u2019 key as they do', () => assert.equal(nodeIdOfSpki(fromHex(spki_hex)), node_id));

    for (const vector of cases) {
      const mesh = parseMeshName(vector.mesh);

      it(`vector "${vector.name}" is read, and its signature holds`, () => {
        const message = parseMessage(mesh, fromHex(vector.message));
        assert.equal(message.type.text, vector.type);
        assert.equal(message.contentType, vector.content_type);
        assert.equal(message.origin, vector.origin);
        assert.equal(message.audience?.text ?? null, vector.aud);
        assert.equal(message.incarnation, vector.incarnation);
        assert.equal(message.counter, vector.counter);
        assert.equal(message.issuedAt, vector.iat * 1_000);
        assert.equal(message.expiresAt, vector.exp * 1_000);
        assert.equal(message.id, vector.message_id);
        assert.equal(toHex(message.payload), vector.payload);
        assert.equal(toHex(message.voucherHash), x5t_sha256);
        assert.equal(toHex(message.toBeSigned), vector.to_be_signed);
        assert.equal(message.contentKey, vector.content_hash);
        assert.equal(toHex(externalAad(mesh)), vector.external_aad);
        const key = PublicKey.fromSpki(fromHex(spki_hex));
        assert.equal(key.verify('ES256', message.toBeSigned, message.signature), true);
      });

      it(`vector "${vector.name}" is composed from its fields, byte for byte`, () => {
        const composed = composeMessage(mesh, {
          algorithm: 'ES256',
          type: parseMessageType(vector.type),
          contentType: vector.content_type,
          origin: parseNodeId(vector.origin),
          audience: vector.aud === null ? undefined : parseAudience(vector.aud),
          incarnation: vector.incarnation,
          counter: vector.counter,
          issuedAt: unixMsFromSeconds(vector.iat),
          expiresAt: unixMsFromSeconds(vector.exp),
          voucherHash: fromHex(x5t_sha256),
          payload: fromHex(vector.payload),
        });
        assert.equal(toHex(composed.protectedBytes), vector.protected);
        assert.equal(toHex(composed.toBeSigned), vector.to_be_signed);
        assert.equal(toHex(assembleMessage(composed, fromHex(vector.signature)).bytes), vector.message);
        const apart = parseComposed(mesh, fromHex(vector.protected), fromHex(vector.payload));
        assert.deepEqual({ ...apart, type: apart.type.text }, { ...composed, type: composed.type.text });
      });
    }
  }

  it('means nothing in another mesh: what is signed is not the same', async () => {
    const fixture = await MeshFixture.create('fixture', 'a');
    const message = fixture.message('a');
    const elsewhere = parseMessage(parseMeshName('other'), message.bytes);
    assert.notEqual(elsewhere.contentKey, message.contentKey);
    const key = PublicKey.fromSpki(fixture.member('a').signer.spki);
    assert.equal(key.verify('Ed25519', elsewhere.toBeSigned, elsewhere.signature), false);
  });

  it('is the same content under another signature, and not the same copy (T11)', async () => {
    const fixture = await MeshFixture.create('fixture', 'a');
    const [genuine, forged] = [fixture.message('a'), fixture.message('a', { forged: true })];
    assert.equal(forged.contentKey, genuine.contentKey);
    assert.equal(isSameCopy(genuine, forged), false);
    assert.equal(isSameCopy(genuine, parseMessage(parseMeshName('depot'), genuine.bytes.slice())), true);
  });
});

// ---- what is no message ------------------------------------------------------------------------------------------

type Part = (writer: CborWriter) => CborWriter;

const LEAF = new Uint8Array(32).fill(7);
const CTI = fromHex('00000000000000050000000000000009');

/** The parts of a protected header, in their order, so that a test can exchange one. */
const HEADER = {
  head: (w) => w.map(5),
  alg: (w) => w.uint(1).int(-7),
  contentType: (w) => w.uint(3).text('a/b'),
  claimsHead: (w) => w.uint(15).map(4),
  iss: (w) => w.uint(1).text('n1'),
  aud: (w) => w,
  exp: (w) => w.uint(4).int(2_000),
  iat: (w) => w.uint(6).int(1_000),
  cti: (w) => w.uint(7).bytes(CTI),
  x5t: (w) => w.uint(34).array(2).int(-16).bytes(LEAF),
  type: (w) => w.text('type').text('sensor/t'),
  tail: (w) => w,
} as const satisfies Record<string, Part>;

function header(changed: Partial<Record<keyof typeof HEADER, Part>>): Bytes {
  let writer = new CborWriter();
  for (const [name, part] of Object.entries(HEADER)) writer = (changed[name as keyof typeof HEADER] ?? part)(writer);
  return writer.finish();
}

function envelope(protectedBytes: Bytes, payload: Bytes = utf8('x'), signature: Bytes = new Uint8Array(64)): Bytes {
  return new CborWriter().tag(18).array(4).bytes(protectedBytes).map(0).bytes(payload).bytes(signature).finish();
}

const NO_HEADER = new Uint8Array(0);

const MALFORMED: readonly (readonly [name: string, bytes: Bytes])[] = [
  ['nothing', NO_HEADER],
  ['random bytes', fromHex('f00dfeedf00dfeed')],
  ['an array without its tag', envelope(header({})).slice(1)],
  ['another tag', concatBytes(fromHex('d1'), envelope(header({})).slice(1))],
  ['a message that is cut', envelope(header({})).slice(0, -1)],
  ['a message with a byte behind it', concatBytes(envelope(header({})), fromHex('00'))],
  [
    'an unprotected header that says something',
    new CborWriter()
      .tag(18)
      .array(4)
      .bytes(header({}))
      .map(1)
      .uint(4)
      .bytes(NO_HEADER)
      .bytes(NO_HEADER)
      .bytes(new Uint8Array(64))
      .finish(),
  ],
  [
    'a detached payload',
    new CborWriter().tag(18).array(4).bytes(header({})).map(0).null().bytes(new Uint8Array(64)).finish(),
  ],
  ['three items', new CborWriter().tag(18).array(3).bytes(header({})).map(0).bytes(NO_HEADER).finish()],
  ['a signature of 63 bytes', envelope(header({}), utf8('x'), new Uint8Array(63))],
  ['a longer signature', envelope(header({}), utf8('x'), new Uint8Array(SIGNATURE_BYTES_MAX + 1))],
  ['a signature in DER', envelope(header({}), utf8('x'), new Uint8Array(71))],
  ['no signature', envelope(header({}), utf8('x'), NO_HEADER)],
  ['a payload beyond every family', envelope(header({}), new Uint8Array(PAYLOAD_BYTES_MAX + 1))],
  ['more bytes than any message has', new Uint8Array(MESSAGE_BYTES_MAX + 1)],
  ['an empty protected header', envelope(NO_HEADER)],
  ['a protected header beyond its size', envelope(new Uint8Array(PROTECTED_BYTES_MAX + 1))],
  ['a header with one member less', envelope(header({ head: (w) => w.map(4), type: (w) => w }))],
  [
    'a header with a member more: kid',
    envelope(header({ head: (w) => w.map(6), contentType: (w) => w.uint(3).text('a/b').uint(4).bytes(LEAF) })),
  ],
  [
    'a critical header (RFC 9052 section 3.1)',
    envelope(header({ head: (w) => w.map(6), alg: (w) => w.uint(1).int(-7).uint(2).array(1).uint(3) })),
  ],
  ['a header out of order', envelope(header({ alg: HEADER.contentType, contentType: HEADER.alg }))],
  ['a header member twice', envelope(header({ contentType: HEADER.alg }))],
  ['a header with bytes behind it', envelope(header({ tail: (w) => w.uint(0) }))],
  ['algorithm ES384', envelope(header({ alg: (w) => w.uint(1).int(-35) }))],
  ['algorithm none', envelope(header({ alg: (w) => w.uint(1).int(0) }))],
  ['algorithm EdDSA without its curve', envelope(header({ alg: (w) => w.uint(1).int(-8) }))],
  ['a content type as a number', envelope(header({ contentType: (w) => w.uint(3).uint(0) }))],
  [
    'a content type that is too long',
    envelope(header({ contentType: (w) => w.uint(3).text('x'.repeat(CONTENT_TYPE_BYTES_MAX + 1)) })),
  ],
  [
    'claims with nbf',
    envelope(header({ claimsHead: (w) => w.uint(15).map(5), exp: (w) => w.uint(4).int(2_000).uint(5).int(1) })),
  ],
  ['claims without cti', envelope(header({ claimsHead: (w) => w.uint(15).map(3), cti: (w) => w }))],
  ['an origin that is no node id', envelope(header({ iss: (w) => w.uint(1).text('N1') }))],
  ['the origin "authority"', envelope(header({ iss: (w) => w.uint(1).text('authority') }))],
  ['an origin that is no UTF-8', envelope(header({ iss: (w) => w.uint(1).raw(fromHex('61ff')) }))],
  [
    'an audience that is no name',
    envelope(header({ claimsHead: (w) => w.uint(15).map(5), aud: (w) => w.uint(3).text('role:') })),
  ],
  ['a time before 1970', envelope(header({ iat: (w) => w.uint(6).int(-1) }))],
  ['a time as a float', envelope(header({ iat: (w) => w.uint(6).raw(fromHex('fb408f400000000000')) }))],
  ['the year 10000', envelope(header({ exp: (w) => w.uint(4).int(UNIX_SECONDS_MAX + 1) }))],
  ['a cti of 15 bytes', envelope(header({ cti: (w) => w.uint(7).bytes(CTI.slice(1)) }))],
  ['a counter beyond 2^53', envelope(header({ cti: (w) => w.uint(7).bytes(new Uint8Array(16).fill(255)) }))],
  ['a leaf hash of SHA-1', envelope(header({ x5t: (w) => w.uint(34).array(2).int(-14).bytes(LEAF) }))],
  ['a leaf hash of 31 bytes', envelope(header({ x5t: (w) => w.uint(34).array(2).int(-16).bytes(LEAF.slice(1)) }))],
  ['a type that is no family', envelope(header({ type: (w) => w.text('type').text('Gossip!') }))],
  ['a type that is the prototype’s', envelope(header({ type: (w) => w.text('type').text('__proto__') }))],
  ['a sensor without a topic', envelope(header({ type: (w) => w.text('type').text('sensor') }))],
  ['an indicator with a topic', envelope(header({ type: (w) => w.text('type').text('indicator/x') }))],
  ['a topic in capitals', envelope(header({ type: (w) => w.text('type').text('sensor/T') }))],
  ['a topic that leads elsewhere', envelope(header({ type: (w) => w.text('type').text('sensor/../x') }))],
];

describe('what is no message', () => {
  it('the parts make a message as they stand', () => {
    const message = parseMessage(MESH, envelope(header({})));
    assert.equal(message.id, 'n1.5.9');
    assert.equal(message.type.text, 'sensor/t');
  });

  it('the last second of the year 9999 and the longest content type are taken', () => {
    const contentType = 'x'.repeat(CONTENT_TYPE_BYTES_MAX);
    const parts = {
      contentType: (w: CborWriter) => w.uint(3).text(contentType),
      exp: (w: CborWriter) => w.uint(4).int(UNIX_SECONDS_MAX),
    };
    const message = parseMessage(MESH, envelope(header(parts)));
    assert.equal(message.contentType, contentType);
    assert.equal(message.expiresAt, unixMsFromSeconds(UNIX_SECONDS_MAX));
  });

  for (const [name, bytes] of MALFORMED)
    it(`refuses ${name}`, () => assert.throws(() => parseMessage(MESH, bytes), { code: 'ERR_MESSAGE_MALFORMED' }));

  it('refuses with a code of its own a payload that a client hands in apart', () =>
    assert.throws(() => parseComposed(MESH, header({}), new Uint8Array(PAYLOAD_BYTES_MAX + 1)), {
      code: 'ERR_MESSAGE_PAYLOAD',
    }));
});

// ---- all messages ------------------------------------------------------------------------------------------------

const label = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
  .filter((text) => text !== 'authority' && text !== 'broadcast');
const seconds = fc.nat(4_000_000_000).map((value) => unixMsFromSeconds(value));

const fields: fc.Arbitrary<MessageFields> = fc.record({
  algorithm: fc.constantFrom('ES256', 'Ed25519'),
  type: fc.constantFrom('indicator', 'sensor/a', 'sensor/a.b/c-d_e', 'command/go', 'record').map(parseMessageType),
  contentType: fc.string({ unit: 'grapheme', maxLength: 10 }),
  origin: label.map(parseNodeId),
  audience: fc.option(fc.oneof(label, fc.constant('role:gate')).map(parseAudience), { nil: undefined }),
  incarnation: fc.maxSafeNat(),
  counter: fc.maxSafeNat(),
  issuedAt: seconds,
  expiresAt: seconds,
  voucherHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

describe('every message', () => {
  it('is read as it was composed, and has one encoding', () => {
    fc.assert(
      fc.property(fields, fc.uint8Array({ minLength: 64, maxLength: 64 }), (given, signature) => {
        const message = assembleMessage(composeMessage(MESH, given), signature);
        const read = parseMessage(MESH, message.bytes);
        assert.deepEqual({ ...read, type: read.type.text }, { ...message, type: message.type.text });
        assert.equal(toHex(assembleMessage(read, read.signature).bytes), toHex(message.bytes));
      }),
    );
  });

  it('with any bytes changed is another message or none, and never an accident (T17)', async () => {
    const fixture = await MeshFixture.create('fixture', 'a');
    const original = fixture.message('a', { type: 'sensor/x', audience: 'role:gate' }).bytes;
    const change = fc.record({
      at: fc.nat(original.length - 1),
      take: fc.nat(4),
      put: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes: Bytes = original;
        for (const { at, take, put } of changes)
          bytes = concatBytes(bytes.slice(0, at), put, bytes.slice(Math.min(bytes.length, at + take)));
        try {
          const read = parseMessage(MESH, bytes);
          assert.equal(toHex(assembleMessage(composeMessage(MESH, read), read.signature).bytes), toHex(bytes));
        } catch (error) {
          if (!isMeshError(error)) throw error;
          assert.equal(error.code, 'ERR_MESSAGE_MALFORMED');
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('made of random bytes is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        assert.throws(() => parseMessage(MESH, bytes), { code: 'ERR_MESSAGE_MALFORMED' });
      }),
    );
  });
});
