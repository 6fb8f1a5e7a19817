import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concatBytes, utf8 } from '../../src/base/bytes.ts';
import { isMeshError } from '../../src/base/errors.ts';
import { unixMsFromSeconds } from '../../src/base/time.ts';
import { decodeSign1, encodeSign1 } from '../../src/cose/sign1.ts';
import { parseNodeId } from '../../src/identity/node-id.ts';
import { parseAudience } from '../../src/message/audience.ts';
import { TREES_REMEMBERED_MAX } from '../../src/message/batch-memory.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { HEADERS_REMEMBERED_MAX } from '../../src/message/header-memory.ts';
import { PAYLOAD_BYTES_MAX } from '../../src/message/limits.ts';
import { assembleMessage, composeMessage, type Message, type MessageFields } from '../../src/message/message.ts';
import { MessageReader, parseMessage } from '../../src/message/message-reader.ts';
import { MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';

/** Everything that a message says. */
function told(message: Message): object {
  return { ...message, id: message.id };
}

/** What comes of reading: what the message says, or the code of the refusal. */
function outcome(read: () => Message): object | string {
  try {
    return told(read());
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return `${error.code} ${error.message}`;
  }
}

/** Few signers, so that what is remembered of one meets the messages of another. */
const fields: fc.Arbitrary<MessageFields> = fc.record({
  algorithm: fc.constantFrom('ES256', 'Ed25519'),
  type: fc.constantFrom('indicator', 'sensor/a', 'sensor/b', 'command/go').map(parseMessageType),
  contentType: fc.constantFrom('', 'text/plain', 'x'.repeat(30)),
  origin: fc.constantFrom('ann', 'bob').map(parseNodeId),
  audience: fc.constantFrom(undefined, parseAudience('role:gate'), parseAudience('ann')),
  incarnation: fc.oneof(fc.constantFrom(1, 2), fc.maxSafeNat()),
  counter: fc.oneof(fc.nat(300), fc.maxSafeNat()),
  issuedAt: fc.oneof(fc.constant(1_800_000_000), fc.nat(70_000)).map(unixMsFromSeconds),
  expiresAt: fc.oneof(fc.constant(1_800_003_600), fc.nat(5_000_000_000)).map(unixMsFromSeconds),
  voucherHash: fc.constantFrom(1, 2).map((byte) => new Uint8Array(32).fill(byte)),
  delegate: fc.constantFrom(undefined, { statement: undefined }),
  payload: fc.constantFrom(utf8('21'), new Uint8Array(PAYLOAD_BYTES_MAX)),
});

describe('message reader', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'eve');
  });

  it('reads each message as if it were the first, whatever it has read before', () => {
    fc.assert(
      fc.property(fc.array(fields, { minLength: 1, maxLength: 12 }), (said) => {
        const reader = new MessageReader(MESH);
        for (const one of said) {
          const message = assembleMessage(composeMessage(MESH, one), new Uint8Array(64).fill(one.counter));
          const read = reader.read(message.bytes);
          assert.deepEqual(told(read), told(parseMessage(MESH, message.bytes)));
          assert.deepEqual({ ...read, type: read.type.text }, { ...message, type: message.type.text });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses of changed messages what a new reader refuses, and takes the others for what that takes them', () => {
    const reader = new MessageReader(MESH);
    const originals = [
      fixture.message('ann', { type: 'sensor/x', audience: 'role:gate' }),
      ...fixture.batch('ann', [{ counter: 1 }, { counter: 2 }, { counter: 3 }]),
    ].map(({ bytes }) => bytes);
    const change = fc.record({ at: fc.nat(600), take: fc.nat(2), put: fc.uint8Array({ maxLength: 2 }) });
    fc.assert(
      fc.property(fc.nat(3), fc.array(change, { minLength: 1, maxLength: 3 }), (which, changes) => {
        for (const bytes of originals) reader.read(bytes);
        let bytes = originals[which] as Bytes;
        for (const { at, take, put } of changes)
          bytes = concatBytes(bytes.slice(0, at), put, bytes.slice(Math.min(bytes.length, at + take)));
        const [kept, fresh] = [outcome(() => reader.read(bytes)), outcome(() => parseMessage(MESH, bytes))];
        assert.deepEqual(kept, fresh);
      }),
      { numRuns: 5_000 },
    );
  });

  it('keeps nothing of the bytes that it was given: whoever gave them may write there again', () => {
    const reader = new MessageReader(MESH);
    const [first, second] = fixture.batch('ann', [{ counter: 1 }, { counter: 2 }]) as [Message, Message];
    const buffer = first.bytes.slice();
    reader.read(buffer);
    buffer.fill(0);
    assert.deepEqual(told(reader.read(second.bytes)), told(parseMessage(MESH, second.bytes)));
  });

  it('has one text for what all messages of a stream have in common', () => {
    const reader = new MessageReader(MESH);
    const [first, second] = [0, 1].map((counter) => reader.read(fixture.message('ann', { counter }).bytes));
    assert.equal(first?.voucherHash, second?.voucherHash);
    assert.equal(first?.type, second?.type);
  });

  it('gives messages of one batch the same key, and others to what only looks like one of it', () => {
    const reader = new MessageReader(MESH);
    const batch = fixture.batch('ann', [{ counter: 0 }, { counter: 1 }, { counter: 2 }, { counter: 3 }]);
    const keys = new Set(batch.map(({ bytes }) => reader.read(bytes).batchKey));
    assert.deepEqual([...keys], [batch[0]?.batchKey]);
    const { path, ...rest } = decodeSign1((batch[3] as Message).bytes, PAYLOAD_BYTES_MAX);
    assert.ok(path !== undefined);
    // The last hash of the path stands above nodes that are known by now, and is looked at all the same.
    for (let bit = 0; bit < 8 * path.siblings.length; bit++) {
      const siblings = path.siblings.slice();
      siblings[bit >> 3] = (siblings[bit >> 3] as number) ^ (1 << (bit & 7));
      const read = reader.read(encodeSign1({ ...rest, path: { ...path, siblings } }));
      assert.ok(!keys.has(read.batchKey), `bit ${bit}`);
      reader.read((batch[0] as Message).bytes);
    }
  });

  it(`remembers ${HEADERS_REMEMBERED_MAX} headers, and reads those of more signers as well`, () => {
    const reader = new MessageReader(MESH);
    const composed = fixture.composed('ann');
    for (let round = 0; round < 2; round++)
      for (let i = 0; i <= HEADERS_REMEMBERED_MAX; i++) {
        const voucherHash = new Uint8Array(32);
        new DataView(voucherHash.buffer).setUint32(0, i * 0x9e37_79b1);
        const { bytes } = assembleMessage(composeMessage(MESH, { ...composed, voucherHash }), new Uint8Array(64));
        assert.deepEqual(reader.read(bytes).voucherHash, voucherHash);
      }
  });

  it(`remembers ${TREES_REMEMBERED_MAX} batches, and reads those of more as well`, () => {
    const reader = new MessageReader(MESH);
    const batches = Array.from({ length: TREES_REMEMBERED_MAX + 1 }, (_, i) =>
      fixture.batch('ann', [{ counter: 2 * i }, { counter: 2 * i + 1 }]),
    );
    for (const at of [0, 1])
      for (const batch of batches) {
        const message = batch[at] as Message;
        assert.equal(reader.read(message.bytes).batchKey, message.batchKey);
      }
  });
});
