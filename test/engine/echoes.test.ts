import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ECHOES_MAX, Echoes } from '../../src/engine/echoes.ts';
import { assembleMessage, composeMessage, type Message } from '../../src/message/message.ts';
import { MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';

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
      const found = echoes.find(bytes.slice());
      assert.equal(found?.contentKey, i < 2 * ECHOES_MAX ? undefined : contentKey, `message ${i}`);
    }
  });

  it('of messages made to have one key are read once more, and hide no others', () => {
    const echoes = new Echoes();
    const alike = Array.from({ length: 200 }, (_, i) => ending(i, 7));
    const other = ending(1_000, 7_000_000);
    for (const message of alike) echoes.add(message);
    echoes.add(other);
    assert.ok(alike.some(({ bytes }) => echoes.find(bytes) === undefined));
    for (const { bytes, contentKey } of alike)
      assert.ok([undefined, contentKey].includes(echoes.find(bytes)?.contentKey));
    assert.equal(echoes.find(other.bytes)?.contentKey, other.contentKey);
  });

  it('are none of what is too short to be a message', () => {
    const echoes = new Echoes();
    for (const bytes of [new Uint8Array(0), new Uint8Array(3), Uint8Array.of(0xd2, 0x84, 0x59, 0xff)])
      assert.equal(echoes.find(bytes), undefined);
  });
});
