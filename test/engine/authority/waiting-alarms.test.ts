import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CONFLICT_AGAIN_MS_MIN,
  CONFLICT_AUTHORS_MAX,
  CONFLICTS_MAX,
  WaitingAlarms,
} from '../../../src/engine/authority/waiting-alarms.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { at } from '../../support/mesh/mesh-fixture.ts';

const [KEPT, REFUSED] = [Uint8Array.of(1), Uint8Array.of(2)];

describe('alarms that wait for the authority', () => {
  const add = (alarms: WaitingAlarms, n: number, nowMs = 0): boolean =>
    alarms.add(at(nowMs).mono, parseNodeId(`n${n}`), KEPT, REFUSED);

  it('are so many, one of each author, the first first', () => {
    const alarms = new WaitingAlarms();
    for (let n = 0; n < CONFLICTS_MAX; n++) assert.deepEqual([add(alarms, n), add(alarms, n)], [true, false]);
    assert.equal(add(alarms, CONFLICTS_MAX), false);
    assert.equal(alarms.size, CONFLICTS_MAX);
    assert.deepEqual(alarms.first, { origin: 'n0', kept: 'AQ==', refused: 'Ag==' });
  });

  it('are shown of one author again after some minutes, of another at once (T3)', () => {
    const alarms = new WaitingAlarms();
    add(alarms, 1);
    alarms.handleShown(at(0).mono);
    assert.equal(add(alarms, 1, CONFLICT_AGAIN_MS_MIN - 1), false);
    assert.equal(add(alarms, 2), true);
    assert.equal(add(alarms, 1, CONFLICT_AGAIN_MS_MIN), true);
  });

  it('are remembered of so many authors', () => {
    const alarms = new WaitingAlarms();
    const shown = (n: number): boolean => {
      const isNew = add(alarms, n);
      if (isNew) alarms.handleShown(at(0).mono);
      return isNew;
    };
    for (let n = 0; n <= CONFLICT_AUTHORS_MAX; n++) assert.equal(shown(n), true);
    assert.equal(shown(CONFLICT_AUTHORS_MAX), false);
    assert.equal(shown(0), true, 'the one shown first is forgotten');
  });
});
