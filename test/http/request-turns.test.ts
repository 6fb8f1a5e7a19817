import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, type Server, Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { MonotonicMs } from '../../src/base/time.ts';
import { WORK_BURST_MS_MAX, WorkShares } from '../../src/base/work-share.ts';
import { RequestTurns } from '../../src/http/request-turns.ts';
import { createHttpApp } from '../../src/http/server.ts';

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

/** Turns of clients that are known by their connection, on a clock that stands unless it is set. */
class Stage {
  readonly loud = new Socket();
  readonly quiet = new Socket();
  readonly begun: string[] = [];
  now = 0;
  readonly turns = new RequestTurns<Socket>({
    clientOf: (socket) => socket,
    shares: new WorkShares(),
    now: () => this.now as MonotonicMs,
  });

  /** A request that takes so long. */
  ask(socket: Socket, workMs = 0, bodyBytes = 0): void {
    this.turns.add(socket, bodyBytes, () => {
      this.begun.push(socket === this.loud ? 'loud' : 'quiet');
      this.now += workMs;
    });
  }

  async turnsOfTheLoop(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the turns of requests', () => {
  it('are one in a turn of the event loop, so that all else is looked at in between (T3)', async () => {
    const stage = new Stage();
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) stage.ask(stage.loud);
    while (stage.begun.length < 20) {
      await stage.turnsOfTheLoop(1);
      seen.push(stage.begun.length);
    }
    assert.ok(
      seen.every((count, i) => count - (seen[i - 1] ?? 0) <= 1),
      `begun after each turn: ${seen.join(' ')}`,
    );
  });

  it('are given to each client in turn, however many requests one has', async () => {
    const stage = new Stage();
    for (let i = 0; i < 10; i++) stage.ask(stage.loud);
    stage.ask(stage.quiet);
    await stage.turnsOfTheLoop(30);
    assert.deepEqual(stage.begun.slice(0, 3), ['loud', 'quiet', 'loud']);
    assert.equal(stage.begun.length, 11);
  });

  for (const [what, workMs, bodyBytes] of [
    ['time', WORK_BURST_MS_MAX + 1, 0],
    ['bodies', 0, 64 * 1024 * 1024],
  ] as const)
    it(`wait where the client has had its share of ${what}, and others go on`, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const stage = new Stage();
      stage.ask(stage.loud, workMs, bodyBytes);
      stage.ask(stage.loud);
      await stage.turnsOfTheLoop(10);
      assert.deepEqual(stage.begun, ['loud']);
      for (let i = 0; i < 3; i++) stage.ask(stage.quiet);
      await stage.turnsOfTheLoop(20);
      assert.deepEqual(stage.begun, ['loud', 'quiet', 'quiet', 'quiet']);
      stage.now += 60_000;
      t.mock.timers.tick(60_000);
      await stage.turnsOfTheLoop(10);
      assert.equal(stage.begun.at(-1), 'loud');
    });

  it('charge what promises come to at once, and not what others do meanwhile', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const stage = new Stage();
    stage.turns.add(stage.loud, 0, () => {
      void Promise.resolve()
        .then(() => new Promise((resolve) => process.nextTick(resolve)))
        .then(() => (stage.now += 10 * WORK_BURST_MS_MAX));
    });
    stage.ask(stage.loud);
    stage.turns.add(stage.quiet, 0, () => void setImmediate(() => (stage.now += WORK_BURST_MS_MAX + 1)));
    await stage.turnsOfTheLoop(20);
    stage.ask(stage.quiet);
    await stage.turnsOfTheLoop(20);
    assert.deepEqual(stage.begun, ['quiet'], 'the loud one waits, the quiet one does not');
  });

  it('pass over who has gone meanwhile', async (t) => {
    const waiting: (() => void)[] = [];
    const added = Promise.withResolvers<void>();
    const app = await createHttpApp({
      createServer,
      rate: undefined,
      turns: {
        add: (_socket, _bodyBytes, begin) => {
          waiting.push(begin);
          added.resolve();
        },
      },
    });
    t.after(() => app.close());
    let asked = 0;
    app.get('/', async () => ++asked);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const ask = () => request({ port, host: '127.0.0.1' }).on('error', () => {});
    const gone = ask().end();
    await added.promise;
    gone.destroy();
    while ((await connectionsOf(app.server)) > 0) await new Promise((resolve) => setImmediate(resolve));
    const stays = ask().end();
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const begin of waiting) begin();
    const [answer] = (await once(stays, 'response')) as [IncomingMessage];
    answer.resume();
    assert.equal(asked, 1);
  });
});
