import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ECHO_BYTES_MAX, ECHOES_BYTES_MAX, ECHOES_MAX, Echoes, NO_ECHO } from '../../../src/engine/gate/echoes.ts';
import { assembleMessage, composeMessage, type Message } from '../../../src/message/message.ts';
import { MESH, MeshFixture } from '../../support/mesh/mesh-fixture.ts';

/** What a copy of these bytes is taken to say. */
function saidBy(echoes: Echoes, bytes: Uint8Array): string | undefined {
  const echo = echoes.find(bytes);
  return echo === NO_ECHO ? undefined : echoes.contentKeyOf(echo);
}

describe('echoes', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann');
  });

  /** What `message` says, with the end of its signature chosen: so are the keys of what lies next to each other. */
  const ending = (counter: number, end: number): Message => {
    const signature = new Uint8Array(64).fill(counter & 0xff);
    new DataView(signature.buffer).setUint32(60, end, true);
    return assembleMessage(composeMessage(MESH, fixture.composed('ann', { counter })), signature);
  };

  it('are found by their bytes alone, the latest of them, however often the table has gone round', () => {
    const echoes = new Echoes();
    const messages = Array.from({ length: 3 * ECHOES_MAX }, (_, i) => ending(i, Math.imul(i, 0x9e37_79b1)));
    for (const message of messages) echoes.add(message);
    for (const [i, { bytes, contentKey }] of messages.entries()) {
      const found = saidBy(echoes, bytes.slice());
      assert.equal(found, i < 2 * ECHOES_MAX ? undefined : contentKey, `message ${i}`);
    }
  });

  it('are the latest whose bytes fit in, and tell nothing else', () => {
    const echoes = new Echoes();
    const sized = (i: number): Message => {
      const bytes = new Uint8Array(ECHO_BYTES_MAX - (i % 200)).fill(i & 0xff);
      new DataView(bytes.buffer).setUint32(bytes.length - 4, Math.imul(i + 1, 0x9e37_79b1), true);
      return { bytes, contentKey: `message ${i}` } as unknown as Message;
    };
    const messages = Array.from({ length: 3 * ECHOES_MAX }, (_, i) => sized(i));
    for (const [i, message] of messages.entries()) {
      echoes.add(message);
      if (i % 97 !== 0) continue;
      const known = messages.slice(0, i + 1).filter(({ bytes }) => echoes.find(bytes) !== NO_ECHO);
      assert.equal(known.at(-1), message);
      const taken = known.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assert.ok(taken <= ECHOES_BYTES_MAX);
      if (i > ECHOES_MAX) assert.ok(taken > ECHOES_BYTES_MAX - 3 * ECHO_BYTES_MAX, 'no more go than have to');
      for (const { bytes, contentKey } of known) assert.equal(saidBy(echoes, bytes), contentKey);
    }
  });

  it('of messages made to have one key are read once more, and hide no others', () => {
    const echoes = new Echoes();
    const alike = Array.from({ length: 200 }, (_, i) => ending(i, 7));
    const other = ending(1_000, 7_000_000);
    for (const message of alike) echoes.add(message);
    echoes.add(other);
    assert.ok(alike.some(({ bytes }) => echoes.find(bytes) === NO_ECHO));
    for (const { bytes, contentKey } of alike) assert.ok([undefined, contentKey].includes(saidBy(echoes, bytes)));
    assert.equal(saidBy(echoes, other.bytes), other.contentKey);
  });

  it('are none of what is too short to be a message', () => {
    const echoes = new Echoes();
    for (const bytes of [new Uint8Array(0), new Uint8Array(3), Uint8Array.of(0xd2, 0x84, 0x59, 0xff)])
      assert.equal(echoes.find(bytes), NO_ECHO);
  });
});
