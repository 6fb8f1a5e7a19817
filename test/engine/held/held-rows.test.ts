import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import type { UnixMs } from '../../../src/base/time.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { HeldMessage } from '../../../src/engine/held/held-message.ts';
import { HeldRows, mixed, PROBES_MAX, wordOf } from '../../../src/engine/held/held-rows.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { streamKeyOf } from '../../../src/message/message-id.ts';

const ANN = parseNodeId('ann');
const KIND = {
  origin: ANN,
  stream: streamKeyOf(ANN, 1),
  incarnation: 1,
  type: 'sensor/t',
  audience: undefined,
  voucherId: 'leaf',
};

const keyOf = (number: number): string => toHex(sha256(utf8(`message ${number}`)));

function add(rows: HeldRows, contentKey: string, arrival: number): number {
  const time = (1_800_000_000_000 + arrival) as UnixMs;
  const place = { counter: 2 ** 52 + arrival, issuedAt: time, expiresAt: time };
  return rows.add(new HeldMessage(contentKey, KIND, place, time, arrival, arrival), KIND);
}

const contents = (rows: HeldRows): string[] => Array.from(rows.rows(), (row) => rows.at(row).contentKey);

describe('held rows', () => {
  it('give back what was put in, to the last bit', () => {
    const rows = new HeldRows();
    const row = add(rows, keyOf(7), 7);
    assert.equal(rows.find(keyOf(7)), row);
    assert.deepEqual(
      { ...rows.at(row) },
      {
        ...KIND,
        contentKey: keyOf(7),
        counter: 2 ** 52 + 7,
        issuedAt: 1_800_000_000_007,
        expiresAt: 1_800_000_000_007,
        receivedAt: 1_800_000_000_007,
        arrival: 7,
        bytesLength: 7,
      },
    );
  });

  it('are found by their key and stand in order, whatever came and went', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 600 }), (numbers) => {
        const rows = new HeldRows();
        const model = new Map<string, number>();
        for (const [arrival, number] of numbers.entries()) {
          const key = keyOf(number);
          const row = rows.find(key);
          assert.equal(row >= 0, model.has(key));
          if (row < 0) model.set(key, add(rows, key, arrival));
          else {
            assert.equal(row, model.get(key));
            rows.remove(row);
            model.delete(key);
          }
        }
        assert.equal(rows.size, model.size);
        assert.deepEqual(contents(rows), [...model.keys()]);
        for (const [key, row] of model) assert.equal(rows.find(key), row);
      }),
    );
  });

  it('tell keys apart that are alike for their first 16 digits', () => {
    const rows = new HeldRows();
    const [one, other] = [keyOf(1), `${keyOf(1).slice(0, 16)}${keyOf(2).slice(16)}`];
    const row = add(rows, one, 0);
    assert.equal(rows.find(other), -1);
    assert.notEqual(add(rows, other, 1), row);
    assert.equal(rows.find(one), row);
  });

  it(`are laid out in another order where more than ${PROBES_MAX} keys were ground to lie at one place`, () => {
    const rows = new HeldRows();
    const ground: string[] = [];
    for (let number = 0; ground.length <= PROBES_MAX; number++) {
      const key = keyOf(number);
      if ((mixed(wordOf(key, 0), wordOf(key, 1), 0) & 511) === 5) ground.push(key);
    }
    for (const [arrival, key] of ground.slice(0, -1).entries()) add(rows, key, arrival);
    assert.equal(rows.layout, 0);
    add(rows, ground.at(-1) as string, ground.length);
    assert.equal(rows.layout, 1);
    for (const key of ground) assert.notEqual(rows.find(key), -1);
    assert.equal(new Set(ground.map((key) => mixed(wordOf(key, 0), wordOf(key, 1), 1) & 511)).size > 64, true);
  });
});
