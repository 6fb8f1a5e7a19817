import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Bytes, concatBytes, utf8 } from '../../../src/base/bytes.ts';
import type { Instant } from '../../../src/base/time.ts';
import { Conduct, CONTROL_FRAMES, REJECTS } from '../../../src/engine/links/conduct.ts';
import type { Frame, HelloFrame } from '../../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../../src/engine/links/frame-splitter.ts';
import { HELLO_MS_MAX, Link, type LinkOutbox } from '../../../src/engine/links/link.ts';
import { PING_AFTER_MS, SILENCE_MS_MAX } from '../../../src/engine/links/liveness.ts';
import { GRANTED_BYTES_MAX, WINDOW_BYTES } from '../../../src/engine/links/credit.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { at, MESH, MeshFixture } from '../../support/mesh/mesh-fixture.ts';

/** One end of a link, and the other end as the test plays it. */
class Bench {
  readonly link: Link;
  readonly happened: string[] = [];
  readonly #peer: NodeId;
  #now = at(0);

  constructor(fixture: MeshFixture, conduct = new Conduct(at(0).mono)) {
    const { nodeId, chain } = fixture.member('bob');
    this.#peer = nodeId;
    const own = this.hello({ nodeId: fixture.member('ann').nodeId });
    const end = { id: 1, direction: 'outbound', peer: { nodeId, chain }, remoteAddress: '10.0.0.2:1' } as const;
    const outbox: LinkOutbox = {
      up: (_now, _link, { software }) => this.happened.push(`up ${software}`),
      frame: (_now, _link, frame) => this.happened.push(frame.tag),
      closed: (_now, _link, why) => this.happened.push(`closed ${why}`),
      dirty: () => this.happened.push('dirty'),
    };
    this.link = new Link(this.#now, end, MESH, own, outbox, conduct);
    assert.deepEqual(this.sent(), ['hello']);
    this.happened.length = 0;
  }

  hello(more: Partial<HelloFrame> = {}): HelloFrame {
    return {
      tag: 'hello',
      version: 1,
      mesh: MESH,
      nodeId: this.#peer,
      software: 'peer',
      addresses: [],
      crls: [],
      heldIncarnation: 0,
      windowBytes: WINDOW_BYTES,
      ...more,
    };
  }

  up(): this {
    this.receive(this.hello());
    this.happened.length = 0;
    return this;
  }

  receive(...frames: readonly Frame[]): void {
    this.receiveBytes(concatBytes(...frames.map(encodeFrame)));
  }

  receiveBytes(bytes: Bytes): void {
    this.link.handleBytes(this.#now, bytes);
  }

  /** Time passes. */
  wait(ms: number): Instant {
    this.#now = at(this.#now.wall - at(0).wall + ms);
    this.link.handleTimeout(this.#now);
    return this.#now;
  }

  frames(): Frame[] {
    const output = this.link.takeOutput();
    return output === undefined ? [] : new FrameSplitter().push(output).map(decodeFrame);
  }

  sent(): string[] {
    return this.frames().map((frame) => (frame.tag === 'bye' ? `bye ${frame.reason}` : frame.tag));
  }

  /** What happened since the last look, `dirty` apart. */
  events(): string[] {
    return this.happened.splice(0).filter((event) => event !== 'dirty');
  }
}

const message = (length: number): Frame => ({ tag: 'message', bytes: new Uint8Array(length) });

describe('link', () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob');
  });
  const bench = (): Bench => new Bench(fixture);

  it('is up after the hello of the other side', () => {
    const world = bench();
    assert.equal(world.link.isUp, false);
    world.receive(world.hello());
    assert.deepEqual(world.events(), ['up peer']);
    assert.equal(world.link.isUp, true);
    assert.equal(world.link.peer, fixture.member('bob').nodeId);
  });

  for (const [name, more, why] of [
    ['another version', { version: 2 }, 'version'],
    ['another mesh', { mesh: parseMeshName('other') }, 'mesh'],
    ['another node than TLS proved', { nodeId: 'eve' as NodeId }, 'mesh'],
  ] as const)
    it(`ends with a hello of ${name}`, () => {
      const world = bench();
      world.receive(world.hello(more));
      assert.deepEqual(world.events(), [`closed ${why}`]);
      assert.deepEqual(world.sent(), [`bye ${why}`]);
      assert.equal(world.link.isClosed, true);
    });

  for (const [name, frame] of [
    ['a message before the hello', message(1)],
    ['a ping before the hello', { tag: 'ping' } as const],
  ] as const)
    it(`ends with ${name}`, () => {
      const world = bench();
      world.receive(frame);
      assert.deepEqual(world.events(), ['closed malformed']);
    });

  it('ends with a second hello', () => {
    const world = bench().up();
    world.receive(world.hello());
    assert.deepEqual(world.events(), ['closed malformed']);
  });

  for (const [name, bytes] of [
    ['random bytes', utf8('GET / HTTP/1.1\r\n\r\n')],
    ['an oversized frame', Uint8Array.of(0xff, 0, 0, 0)],
    ['a frame of a type unknown', Uint8Array.of(0, 0, 0, 3, 0x81, 0x18, 99)],
  ] as const)
    it(`ends with ${name}`, () => {
      const world = bench().up();
      world.receiveBytes(bytes);
      assert.deepEqual(world.events(), ['closed malformed']);
      assert.deepEqual(world.sent(), ['bye malformed']);
    });

  it('is deaf once it is closed, also to what came in the same piece', () => {
    const world = bench().up();
    world.receive({ tag: 'bye', reason: 'leaving' }, message(1));
    world.receive(message(1));
    assert.deepEqual(world.events(), ['closed leaving']);
    assert.deepEqual(world.sent(), [], 'a goodbye is not answered');
    world.link.close(at(0), 'idle');
    world.link.send({ tag: 'ping' });
    world.link.sendMessage(new Uint8Array(1), world.link.peer);
    assert.deepEqual(world.sent(), []);
    assert.equal(world.link.deadline(), undefined);
  });

  it('gives up on a peer that says no hello', () => {
    const world = bench();
    assert.equal(world.link.deadline(), at(HELLO_MS_MAX).mono);
    world.wait(HELLO_MS_MAX - 1);
    assert.deepEqual(world.events(), []);
    world.wait(1);
    assert.deepEqual(world.events(), ['closed idle']);
  });

  it('asks a silent peer once whether it lives, and gives it up after longer silence', () => {
    const world = bench().up();
    assert.equal(world.link.deadline(), at(PING_AFTER_MS).mono);
    world.wait(PING_AFTER_MS);
    assert.deepEqual(world.sent(), ['ping']);
    assert.equal(world.link.deadline(), at(SILENCE_MS_MAX).mono, 'one ping, then one wait');
    world.wait(SILENCE_MS_MAX - PING_AFTER_MS - 1);
    assert.deepEqual(world.sent(), []);
    world.wait(1);
    assert.deepEqual(world.events(), ['closed idle']);
  });

  it('goes on for as long as its pings are answered', () => {
    const world = bench().up();
    for (let i = 0; i < 10; i++) {
      world.wait(PING_AFTER_MS);
      assert.deepEqual(world.sent(), ['ping']);
      world.receive({ tag: 'pong' });
    }
    assert.equal(world.link.isUp, true);
    world.receive({ tag: 'ping' });
    assert.deepEqual(world.sent(), ['pong']);
  });

  it('writes all that gathers in a turn as one piece', () => {
    const world = bench().up();
    world.link.send({ tag: 'ping' });
    world.link.sendMessage(new Uint8Array(10), world.link.peer);
    world.link.send({ tag: 'pong' });
    assert.deepEqual(world.happened, ['dirty'], 'asked once');
    assert.deepEqual(world.sent(), ['ping', 'message', 'pong']);
    assert.equal(world.link.takeOutput(), undefined);
  });

  it('sends no more messages than the peer grants, and goes on when it grants more', () => {
    const world = bench();
    world.receive(world.hello({ windowBytes: 25 }));
    for (let i = 0; i < 4; i++) world.link.sendMessage(new Uint8Array(10), world.link.peer);
    world.link.sendAfterMessages({ tag: 'pull-done', id: 1, more: false });
    assert.deepEqual(world.sent(), ['message', 'message']);
    assert.equal(world.link.queuedBytes, 20);
    world.receive({ tag: 'credit', bytes: 15 });
    assert.deepEqual(world.sent(), ['message', 'message', 'pull-done']);
    assert.equal(world.link.queuedBytes, 0);
  });

  it('believes no grant beyond what it would keep unsent itself', () => {
    const world = bench();
    world.receive(world.hello({ windowBytes: Number.MAX_SAFE_INTEGER }));
    world.receive({ tag: 'credit', bytes: Number.MAX_SAFE_INTEGER });
    const chunk = new Uint8Array(16 * 1024);
    for (let sent = 0; sent <= GRANTED_BYTES_MAX; sent += chunk.length) world.link.sendMessage(chunk, world.link.peer);
    assert.equal(world.sent().length, GRANTED_BYTES_MAX / chunk.length);
  });

  it('ends with a peer that sends more messages than it was granted', () => {
    const world = bench().up();
    const frames = WINDOW_BYTES / 16_384;
    for (let i = 0; i < frames; i++) world.receive(message(16_384));
    assert.equal(world.events().length, frames);
    world.receive(message(1));
    assert.deepEqual(world.events(), ['closed misbehaved']);
  });

  it('grants again what has been judged, in one frame for many messages', () => {
    const world = bench().up();
    let granted = 0;
    for (let i = 0; i < 64; i++) {
      world.receive(message(16_384));
      world.link.handleConsumed(16_384);
      for (const frame of world.frames()) if (frame.tag === 'credit') granted += frame.bytes;
    }
    assert.equal(world.link.isUp, true);
    assert.equal(granted, 64 * 16_384);
    assert.equal(world.events().filter((event) => event === 'message').length, 64);
  });

  it('ends with a peer that floods with anything but messages (T3)', () => {
    const world = bench().up();
    for (let i = 0; i < CONTROL_FRAMES.burstTokens; i++) world.receive({ tag: 'ping' });
    assert.equal(world.link.isUp, true);
    world.receive({ tag: 'ping' });
    assert.deepEqual(world.events(), ['closed misbehaved']);
  });

  it('bears the rounds of an honest peer for ever', () => {
    const world = bench().up();
    for (let i = 0; i < 10_000; i++) {
      world.receive({ tag: 'pong' });
      world.wait(1_000 / CONTROL_FRAMES.tokensPerSecond);
    }
    assert.equal(world.link.isUp, true);
  });

  it('forgives a few rejects, and ends with more', () => {
    const world = bench().up();
    for (let i = 0; i < REJECTS.burstTokens; i++) world.link.handleReject(at(0));
    assert.equal(world.link.isUp, true);
    world.link.handleReject(at(0));
    assert.deepEqual(world.events(), ['closed misbehaved']);
    assert.deepEqual(world.sent(), ['bye misbehaved']);
  });

  it('forgives a peer no more for ending its link and opening another', () => {
    const conduct = new Conduct(at(0).mono);
    for (let i = 0; i < REJECTS.burstTokens; i++) new Bench(fixture, conduct).up().link.handleReject(at(0));
    const world = new Bench(fixture, conduct).up();
    world.link.handleReject(at(0));
    assert.deepEqual(world.events(), ['closed misbehaved']);
  });

  it('forgives one more reject every ten seconds', () => {
    const world = bench().up();
    for (let i = 0; i < 100; i++) world.link.handleReject(at(i * 10_000));
    assert.equal(world.link.isUp, true);
  });
});
