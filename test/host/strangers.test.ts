import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { STRANGER_MS_MAX, Strangers, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX } from '../../src/host/strangers.ts';

function strangersOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const strangers = new Strangers();
  const dropped: string[] = [];
  const admit = (key: string, address: string): void => strangers.admit(key, address, () => dropped.push(key));
  return { strangers, dropped, admit };
}

describe('connections of which nothing is known', () => {
  it('of one address: the oldest gives way, and those of others do not', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    admit('other', '192.0.2.9');
    for (let n = 0; n < STRANGERS_PER_ADDRESS_MAX; n++) admit(`s${n}`, '192.0.2.1');
    assert.deepEqual(dropped, []);
    admit('one more', '192.0.2.1');
    assert.deepEqual(dropped, ['s0']);
    assert.equal(strangers.size, STRANGERS_PER_ADDRESS_MAX + 1);
  });

  it('of all addresses: the oldest of all gives way', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    for (let n = 0; n <= STRANGERS_MAX; n++) admit(`s${n}`, `192.0.2.${n}`);
    assert.deepEqual(dropped, ['s0']);
    assert.equal(strangers.size, STRANGERS_MAX);
  });

  it('who has proved to be a member is counted no more, and not dropped', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    admit('member', '192.0.2.1');
    strangers.leave('member');
    strangers.leave('member');
    for (let n = 0; n < STRANGERS_PER_ADDRESS_MAX; n++) admit(`s${n}`, '192.0.2.1');
    t.mock.timers.tick(STRANGER_MS_MAX - 1);
    assert.deepEqual(dropped, []);
  });

  it('who has not by then is dropped', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    admit('slow', '192.0.2.1');
    t.mock.timers.tick(STRANGER_MS_MAX);
    assert.deepEqual(dropped, ['slow']);
    assert.equal(strangers.size, 0);
  });

  it('all are dropped when the port closes', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    for (const key of ['a', 'b']) admit(key, '192.0.2.1');
    strangers.dropAll();
    assert.deepEqual(dropped, ['a', 'b']);
    assert.equal(strangers.size, 0);
  });
});
