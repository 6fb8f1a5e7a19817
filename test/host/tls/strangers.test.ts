import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { STRANGER_MS_MAX, Strangers, STRANGERS_MAX } from '../../../src/host/tls/strangers.ts';

function strangersOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const strangers = new Strangers();
  const dropped: string[] = [];
  const admit = (key: string, address: string): void => strangers.admit(key, address, () => dropped.push(key));
  return { strangers, dropped, admit };
}

describe('connections of which nothing is known', () => {
  it('the client with most of them gives way, with its oldest, and no other', (t) => {
    const { strangers, dropped, admit } = strangersOf(t);
    admit('other', '192.0.2.9');
    for (let n = 1; n < STRANGERS_MAX; n++) admit(`s${n}`, '192.0.2.1');
    assert.deepEqual(dropped, []);
    admit('one more', '192.0.2.1');
    admit('yet another', '192.0.2.7');
    assert.deepEqual(dropped, ['s1', 's2']);
    assert.equal(strangers.size, STRANGERS_MAX);
  });

  it('a network of IPv6 is one client: its host commands all addresses', (t) => {
    const { dropped, admit } = strangersOf(t);
    for (let n = 0; n < STRANGERS_MAX / 2; n++) admit(`h${n}`, `192.0.2.${n}`);
    for (let n = 0; n <= STRANGERS_MAX / 2; n++) admit(`s${n}`, `2001:db8::${n.toString(16)}`);
    assert.deepEqual(dropped, ['s0']);
  });

  it('where all have one, the oldest of all gives way', (t) => {
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
    for (let n = 0; n < STRANGERS_MAX; n++) admit(`s${n}`, '192.0.2.1');
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
