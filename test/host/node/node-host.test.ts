import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { before, describe, it, type TestContext } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { isMeshError } from '../../../src/base/errors.ts';
import { after, HOUR_MS } from '../../../src/base/time.ts';
import { WorkShare } from '../../../src/base/work-share.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { CLOSE_MS_MAX, LinkSocket, UNSENT_BYTES_MAX } from '../../../src/host/node/link-socket.ts';
import { REQUESTS_MAX } from '../../../src/host/node/open-requests.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import type { NodeChange } from '../../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../../src/sim/members/memory-node-store.ts';
import { linkedPair, TestMesh } from '../../support/mesh/nodes-on-loopback.ts';

let mesh: TestMesh;
before(async () => {
  mesh = await TestMesh.make();
});

/** A disk that is full, or whose groups are counted. */
class WatchedStore extends MemoryNodeStore {
  isFull = false;
  readonly groups: number[] = [];

  override async apply(changes: readonly NodeChange[]): Promise<void> {
    if (this.isFull) throw new Error('no space left on device');
    this.groups.push(changes.filter(({ tag }) => tag === 'put-message').length);
    await super.apply(changes);
  }
}

/** A disk that keeps nothing more from a moment on, or answers late. */
class DyingStore extends MemoryNodeStore {
  isDead = false;
  slow: Promise<void> | undefined;
  begun = 0;

  override async apply(changes: readonly NodeChange[]): Promise<void> {
    if (this.isDead) return new Promise(() => {});
    this.applyNow(changes);
    if (this.slow === undefined) return;
    this.begun++;
    await this.slow;
  }
}

describe('the timer of a node', () => {
  it('is moved where what was due is not any more: an idle node is not woken for nothing', async (t) => {
    const now = systemClock.now();
    const clock = { now: () => now, wall: () => now.wall, monotonic: () => now.mono };
    const { host } = await mesh.start(t, { clock });
    let dueMs = 10_000;
    let woken = 0;
    host.node.deadline = () => after(now.mono, dueMs);
    host.node.handleTimeout = () => void woken++;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const turn = async (): Promise<void> => {
      host.wake();
      await new Promise((resolve) => setImmediate(resolve));
    };
    await turn();
    dueMs = 20_000;
    await turn();
    t.mock.timers.tick(19_999);
    assert.equal(woken, 0);
    t.mock.timers.tick(1);
    assert.equal(woken, 1);
    await turn();
    dueMs = 5_000;
    await turn();
    t.mock.timers.tick(5_000);
    assert.equal(woken, 2, 'and where something is due earlier');
  });
});

describe('a node and its disk', () => {
  it('acknowledges nothing that is not on it, and goes on when there is room again', async (t) => {
    const store = new WatchedStore();
    const node = await mesh.start(t, { store });
    store.isFull = true;
    await assert.rejects(node.say('lost'), { code: 'ERR_STORAGE' });
    assert.match(String(node.unexpected[0]), /no space left/);
    store.isFull = false;
    const id = await node.say('kept');
    assert.ok(Array.from(store.load().messages, ({ arrival }) => arrival).length > 0, id);
  });

  it('starts again with what it had', async (t) => {
    const store = new MemoryNodeStore();
    const first = await mesh.start(t, { store });
    const id = await first.say('before');
    first.host.leave();
    const again = await mesh.start(t, { store, member: first.member });
    const [held] = again.host.node.holdings.messages.values();
    assert.equal(held?.id, id);
  });

  it('gives no message the place of one that programs heard of and a crash took', async (t) => {
    const store = new DyingStore();
    const [source, reader] = [await mesh.start(t), await mesh.start(t, { store })];
    const heard: number[] = [];
    reader.host.onEvent((event) => {
      if (event.tag === 'message') heard.push(event.held.arrival);
    });
    source.learn(reader);
    await reader.linkedWith(source);
    store.isDead = true; // programs still hear what the disk never gets
    for (let n = 0; n < 3; n++) await reader.got(await source.say(`lost ${n}`));
    reader.host.leave();

    store.isDead = false;
    for (let start = 0; start < 2; start++) {
      const again = await mesh.start(t, { store, member: reader.member });
      const seen: number[] = [];
      again.host.onEvent((event) => {
        if (event.tag === 'message') seen.push(event.held.arrival);
      });
      store.isDead = start === 0; // what the second life says is lost as well
      source.learn(again);
      await again.got(await source.say(`new ${start}`));
      for (const arrival of seen) assert.ok(arrival > Math.max(...heard), `${arrival} was told before`);
      heard.push(...seen);
      again.host.leave();
      store.isDead = false;
    }
  });

  it('leaves with all written that it took, also behind a commit that is under way', async (t) => {
    const store = new DyingStore();
    const [source, reader] = [await mesh.start(t), await mesh.start(t, { store })];
    source.learn(reader);
    await reader.linkedWith(source);
    await reader.say('on the disk');
    const { promise, resolve } = Promise.withResolvers<void>();
    store.slow = promise;
    const waiting = reader.say('under way').catch((error: unknown) => error);
    while (store.begun === 0) await new Promise((next) => setImmediate(next));
    const ids = await Promise.all(['a', 'b'].map((text) => source.say(text)));
    for (const id of ids) await reader.got(id);
    reader.host.leave();
    assert.ok(isMeshError(await waiting), 'it was not answered before');
    const kept = Array.from(store.load().messages, ({ bytes }) => bytes.toHex());
    for (const held of source.host.node.holdings.messages.values())
      if (ids.includes(held.id))
        assert.ok(kept.includes(source.host.node.holdings.bytesOf(held.contentKey)?.toHex() ?? ''), held.id);
    resolve();
  });

  it('writes what a neighbour sends in few groups, and what a program says at once', async (t) => {
    const store = new WatchedStore();
    const [source, reader] = [await mesh.start(t), await mesh.start(t, { store })];
    source.learn(reader);
    await reader.linkedWith(source);
    const ids = await Promise.all(Array.from({ length: 200 }, (_, n) => source.say(String(n))));
    await Promise.all(ids.map((id) => reader.got(id)));
    await reader.say('now');
    const written = store.groups.filter((count) => count > 0);
    assert.equal(
      written.reduce((sum, count) => sum + count, 0),
      201,
    );
    assert.ok(written.length < 30, `${written.length} commits for 201 messages`);
  });
});

describe('programs that ask faster than a node answers', () => {
  it('are refused at once where too many wait', async (t) => {
    const { host } = await mesh.start(t);
    const asked: number[] = [];
    host.node.publish = (_now, request) => void asked.push(request);
    const what = { type: parseMessageType('sensor/t'), payload: utf8('x'), ttlMs: HOUR_MS };
    const waiting = Array.from({ length: REQUESTS_MAX }, () => host.publish(what));
    await assert.rejects(host.publish(what), { code: 'ERR_OVERLOADED' });
    assert.equal(asked.length, REQUESTS_MAX);
    host.answer(asked[0] as number, { tag: 'refused', code: 'ERR_MESSAGE_PAYLOAD', detail: 'x' });
    await assert.rejects(waiting.shift() as Promise<unknown>, { code: 'ERR_MESSAGE_PAYLOAD' });
    waiting.push(host.publish(what));
    assert.equal(asked.length, REQUESTS_MAX + 1, 'there is room again');
    const answers = Promise.allSettled(waiting);
    host.leave();
    assert.equal((await answers).length, REQUESTS_MAX);
  });
});

describe('a node that leaves', () => {
  it('answers everybody who waits, and those who come later', async (t) => {
    const node = await mesh.start(t);
    const waiting = node.say('too late');
    node.host.leave();
    await assert.rejects(waiting, { code: 'ERR_NOT_READY' });
    await assert.rejects(node.say('later still'), { code: 'ERR_NOT_READY' });
    node.host.leave();
  });

  it('tells nobody who has stopped listening', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    let heard = 0;
    const end = a.host.onEvent(() => heard++);
    end();
    await a.got(await b.say('x'));
    assert.equal(heard, 0);
  });
});

describe('what one peer’s bytes can break', () => {
  it('is its own link, even where they meet a bug', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    const c = await mesh.start(t);
    const { node } = a.host;
    const handle = node.handleLinkBytes.bind(node);
    const broken = new Set<number>();
    node.handleLinkBytes = (now, link, bytes) => {
      if (broken.has(link)) throw new TypeError('a bug');
      handle(now, link, bytes);
    };
    c.learn(a);
    await a.linkedWith(c);
    for (const { peer, end } of node.links) if (peer === c.nodeId) broken.add(end.id);
    await c.say('x');
    await a.unlinkedFrom(c);
    assert.match(String(a.unexpected[0]), /a bug/);
    await b.got(await a.say('still here'));
  });
});

describe('what one message can break', () => {
  it('is nothing beside it, even where its check or its timer meets a bug', async (t) => {
    const [a, b] = await linkedPair(t, mesh);
    const { node } = a.host;
    const handle = node.handleVerified.bind(node);
    let bugs = 1;
    node.handleVerified = (now, ticket, ok) => {
      if (bugs-- > 0) throw new TypeError('a bug');
      handle(now, ticket, ok);
    };
    await b.say('lost');
    await a.got(await b.say('the next'));
    const flush = node.flush.bind(node);
    let failures = 1;
    node.flush = (now) => {
      if (failures-- > 0) throw new Error('the disk cannot be read');
      flush(now);
    };
    await b.got(await a.say('still here'));
    assert.deepEqual(a.unexpected.map(String), ['TypeError: a bug', 'Error: the disk cannot be read']);
  });
});

describe('the socket under a link', () => {
  async function pair(t: TestContext): Promise<{ near: Socket; far: Socket }> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [far] = (await once(server, 'connection')) as [Socket];
    far.on('error', () => {});
    t.after(() => {
      near.destroy();
      far.destroy();
      server.close();
    });
    return { near, far };
  }

  it('is cut off where the peer reads nothing', async (t) => {
    const { near, far } = await pair(t);
    far.pause();
    const closed = Promise.withResolvers<void>();
    const link = new LinkSocket(near as TLSSocket, new WorkShare(), { bytes: () => {}, closed: closed.resolve });
    const piece = new Uint8Array(1024 * 1024);
    for (let sent = 0; sent < 2 * UNSENT_BYTES_MAX && !near.destroyed; sent += piece.length) link.write(piece);
    await closed.promise;
    link.write(piece); // nothing happens
    link.close();
  });

  it('is destroyed where the peer does not close in time', async (t) => {
    const { near, far } = await pair(t);
    far.allowHalfOpen = true;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const closed = Promise.withResolvers<void>();
    const link = new LinkSocket(near as TLSSocket, new WorkShare(), { bytes: () => {}, closed: closed.resolve });
    link.close();
    await once(far.resume(), 'end');
    t.mock.timers.tick(CLOSE_MS_MAX - 1);
    assert.equal(near.destroyed, false);
    t.mock.timers.tick(1);
    await closed.promise;
  });

  it('closes when the peer has ended, whatever it does not read any more', async (t) => {
    const { near, far } = await pair(t);
    far.allowHalfOpen = true;
    far.pause();
    const closed = Promise.withResolvers<void>();
    const link = new LinkSocket(near as TLSSocket, new WorkShare(), { bytes: () => {}, closed: closed.resolve });
    link.write(new Uint8Array(UNSENT_BYTES_MAX / 2));
    far.end();
    await closed.promise;
  });

  it('closes behind what was written', async (t) => {
    const { near, far } = await pair(t);
    let received = '';
    far.setEncoding('utf8').on('data', (text: string) => (received += text));
    const closed = Promise.withResolvers<void>();
    const link = new LinkSocket(near as TLSSocket, new WorkShare(), { bytes: () => {}, closed: closed.resolve });
    link.write(utf8('goodbye'));
    link.close();
    await Promise.all([once(far, 'close'), closed.promise]);
    assert.equal(received, 'goodbye');
  });
});
