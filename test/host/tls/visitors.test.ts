import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Server } from 'node:https';
import { describe, it, type TestContext } from 'node:test';
import { STRANGER_MS_MAX } from '../../../src/host/tls/strangers.ts';
import { ANSWERED_MAX, NEXT_REQUEST_MS_MAX, VISITOR_ANSWER_MS_MAX, Visitors } from '../../../src/host/tls/visitors.ts';

/** A connection as far as visitors are counted by it. */
class Connection extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress = '192.0.2.1';
  readonly localPort = 8440;
  destroyed = false;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** A server whose clients the test makes up, and a clock that it moves. */
function visited(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const server = new EventEmitter();
  const visitors = new Visitors(server as Server);
  let port = 1_024;
  return {
    visitors,
    connect: (address: string): Connection => {
      const connection = new Connection(address, port++);
      server.emit('connection', connection);
      server.emit('secureConnection', connection);
      return connection;
    },
    /** @returns what ends the answer. */
    ask: (connection: Connection): (() => void) => {
      const response = new EventEmitter();
      server.emit('request', { socket: connection }, response);
      return () => response.emit('close');
    },
  };
}

describe('visitors of an open port', () => {
  it('of those that are answered the client with most gives way where there are too many', (t) => {
    const { connect, ask } = visited(t);
    const other = connect('192.0.2.9');
    ask(other);
    const greedy = Array.from({ length: ANSWERED_MAX }, () => {
      const connection = connect('192.0.2.7');
      ask(connection);
      return connection;
    });
    assert.deepEqual(
      greedy.map(({ destroyed }) => destroyed),
      greedy.map((_, n) => n === 0),
    );
    assert.equal(other.destroyed, false);
  });

  it('have so long from the head of a request to the end of its answer', (t) => {
    const { connect, ask } = visited(t);
    const slow = connect('192.0.2.7');
    ask(slow);
    t.mock.timers.tick(VISITOR_ANSWER_MS_MAX - 1);
    assert.equal(slow.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(slow.destroyed, true);
  });

  it('have so long from an answer to the next request', (t) => {
    const { visitors, connect, ask } = visited(t);
    const idle = connect('192.0.2.7');
    ask(idle)();
    assert.equal(visitors.waiting, 1);
    t.mock.timers.tick(NEXT_REQUEST_MS_MAX - 1);
    assert.equal(idle.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(idle.destroyed, true);
    assert.equal(visitors.waiting, 0);
  });

  it('have little time for their first request', (t) => {
    const { connect } = visited(t);
    const silent = connect('192.0.2.7');
    t.mock.timers.tick(STRANGER_MS_MAX);
    assert.equal(silent.destroyed, true);
  });
});
