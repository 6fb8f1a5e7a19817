import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import { ACCEPT, ignore, reject } from '../../src/engine/gate/verdict.ts';
import type { HeldMessage } from '../../src/engine/held/held-message.ts';
import { parseIndicator } from '../../src/message/payloads/indicator.ts';
import type { PayloadContent } from '../../src/message/payloads/payload.ts';
import { parseNodeId } from '../../src/identity/node-id.ts';
import { CONDUCTS_MAX, Conducts, OPENING_RATE } from '../../src/engine/links/conduct.ts';
import { LINKS_OPENING_MAX, LinkTable } from '../../src/node/peers/link-table.ts';
import { IndicatorSet } from '../../src/node/keeping/indicator-set.ts';
import { PEERS_SEEN_MAX, PeerTable } from '../../src/node/peers/peer-table.ts';
import { Statistics } from '../../src/node/statistics.ts';
import { SeededRandom } from '../../src/sim/seeded-random.ts';
import { helloOf } from '../support/mesh/link-pair.ts';
import { at, MESH } from '../support/mesh/mesh-fixture.ts';

const wall = (ms: number): UnixMs => ms as UnixMs;
const nothing = (): void => undefined;

describe('indicator set', () => {
  const held = (arrival: number): HeldMessage =>
    ({ arrival, origin: 'ann', id: `ann.1.${arrival}`, expiresAt: wall(100_000) }) as HeldMessage;
  const said = (more: object = {}): PayloadContent => ({
    tag: 'indicator',
    indicator: parseIndicator(utf8(JSON.stringify({ kind: 'hash', value: 'aa', risk: 5, ...more }))),
  });

  it('lists what is valid now, oldest first, and forgets what is dropped', () => {
    const indicators = new IndicatorSet();
    const messages = [1, 2, 3, 4].map(held) as [HeldMessage, HeldMessage, HeldMessage, HeldMessage];
    indicators.put(messages[0], said());
    indicators.put(messages[1], said({ valid_until: '1970-01-01T00:00:50Z' }));
    indicators.put(messages[2], said({ valid_until: '1980-01-01T00:00:00Z' }));
    indicators.put(messages[3], { tag: 'opaque' });
    const idsAt = (ms: number): string[] => indicators.valid(messages, wall(ms)).map(({ messageId }) => messageId);
    assert.deepEqual(idsAt(0), ['ann.1.1', 'ann.1.2', 'ann.1.3']);
    assert.deepEqual(idsAt(50_000), ['ann.1.1', 'ann.1.3']);
    assert.deepEqual(idsAt(100_000), [], 'none is valid longer than its message lives');
    indicators.drop(1);
    assert.deepEqual(idsAt(0), ['ann.1.2', 'ann.1.3']);
  });
});

describe('peer table', () => {
  it('remembers where and when a peer was last linked, of so many and no more', () => {
    const peers = new PeerTable();
    const ann = parseNodeId('ann');
    peers.seen(ann, wall(1), '10.0.0.1:1');
    peers.seen(ann, wall(2), undefined);
    assert.deepEqual([...peers.entries()], [[ann, { lastSeenAt: 2, address: '10.0.0.1:1' }]]);
    for (let i = 0; i < PEERS_SEEN_MAX; i++) peers.seen(parseNodeId(`n${i}`), wall(3), undefined);
    assert.equal([...peers.entries()].length, PEERS_SEEN_MAX);
    peers.drop(parseNodeId('n0'));
    assert.equal([...peers.entries()].length, PEERS_SEEN_MAX - 1);
  });
});

describe('link table', () => {
  let nowMs: number;
  let closed: number[];
  let table: LinkTable;
  beforeEach(() => {
    nowMs = 0;
    closed = [];
    table = new LinkTable(
      { mesh: MESH, self: parseNodeId('self'), helloFor: helloOf, linkUp: nothing, linkDown: nothing, frame: nothing },
      { write: nothing, close: (id) => closed.push(id), wake: nothing },
      new SeededRandom('links'),
    );
  });
  const open = (id: number, peer = `n${id}`): boolean => {
    const end = { id, direction: 'inbound', peer: { nodeId: parseNodeId(peer), chain: [] } } as const;
    return table.open(at(nowMs), { ...end, remoteAddress: '10.0.0.1:1' });
  };
  /** Links that it has closed, once what it said has been written. */
  const flushed = (): readonly number[] => {
    table.flush();
    return closed.splice(0);
  };

  it('opens so many links that have not said hello, and closes the oldest for the next', () => {
    for (let id = 0; id < LINKS_OPENING_MAX; id++) assert.equal(open(id), true);
    assert.deepEqual(flushed(), []);
    assert.equal(open(LINKS_OPENING_MAX), true);
    assert.deepEqual(flushed(), [0]);
    assert.equal(table.count, LINKS_OPENING_MAX);
    table.handleClosed(at(0), 1);
    assert.equal(open(LINKS_OPENING_MAX + 1), true);
    assert.deepEqual(flushed(), []);
  });

  it('closes the links of who opens most and says nothing, and nobody else’s (T4)', () => {
    for (let id = 0; id < 10; id++) open(id);
    for (let id = 10; id < LINKS_OPENING_MAX; id++) open(id, 'eve');
    assert.deepEqual(flushed(), []);
    for (let id = 100; id < 105; id++) assert.equal(open(id), true);
    assert.deepEqual(flushed(), [10, 11, 12, 13, 14]);
  });

  it('takes no more links of who opens one after the other, until some time has passed', () => {
    for (let id = 0; id < OPENING_RATE.burstTokens; id++) {
      assert.equal(open(id, 'eve'), true);
      table.handleClosed(at(0), id);
    }
    assert.equal(open(1_000, 'eve'), false);
    assert.deepEqual(flushed(), [1_000]);
    assert.equal(open(1_001, 'bob'), true, 'nobody else is meant');
    nowMs = 1_000 / OPENING_RATE.tokensPerSecond;
    assert.equal(open(1_002, 'eve'), true);
  });
});

describe('conduct', () => {
  it('is remembered of so many peers, those met last', () => {
    const conducts = new Conducts();
    const spent = conducts.of(at(0).mono, parseNodeId('n0'));
    assert.equal(conducts.of(at(0).mono, parseNodeId('n0')), spent);
    for (let i = 1; i <= CONDUCTS_MAX; i++) conducts.of(at(0).mono, parseNodeId(`n${i}`));
    assert.equal(conducts.size, CONDUCTS_MAX);
    assert.notEqual(conducts.of(at(0).mono, parseNodeId('n0')), spent);
  });
});

describe('statistics', () => {
  it('count what was dropped, with its reason', () => {
    const statistics = new Statistics();
    for (const verdict of [ACCEPT, ignore('duplicate'), ignore('duplicate'), reject('malformed')])
      statistics.countVerdict(verdict);
    assert.equal(statistics.accepted, 1);
    assert.deepEqual(statistics.dropped, { duplicate: 2, malformed: 1 });
  });
});
