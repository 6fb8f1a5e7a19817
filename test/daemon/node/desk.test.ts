import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { nodeLayout } from '../../../src/daemon/directory.ts';
import { EVENT_CHARS_MAX, NodeDesk } from '../../../src/daemon/node/desk.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A desk at a process that answers as the test says. */
async function desk(t: TestContext, answer: RequestListener): Promise<NodeDesk> {
  const directory = tempDir(t);
  writeFileSync(nodeLayout(directory).enrollment, '{}');
  const server = createServer(answer).listen(controlSocketOf(directory));
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return new NodeDesk(directory);
}

async function follow(at: NodeDesk, signal = new AbortController().signal): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of at.follow(z.number(), '/v1/events', signal)) events.push(event);
  return events;
}

const HEAD = { 'content-type': 'text/event-stream' };

describe('following a node', () => {
  it('ends in order when the node is killed in the middle of a word', async (t) => {
    const at = await desk(t, (_request, response) => {
      response.writeHead(200, HEAD).write('data: 1\n\ndata: 2\n\ndata: 3');
      setImmediate(() => response.destroy());
    });
    const events = await follow(at);
    assert.deepEqual(events.slice(0, 2), [1, 2]);
  });

  it('ends in order when the node ends, and when the reader has enough', async (t) => {
    const reader = new AbortController();
    const ending = await desk(t, (_request, response) => void response.writeHead(200, HEAD).end('data: 1\n\n'));
    assert.deepEqual(await follow(ending), [1]);
    const lasting = await desk(t, (_request, response) => {
      response.writeHead(200, HEAD).write('data: 1\n\n');
      setImmediate(() => reader.abort());
    });
    await follow(lasting, reader.signal).catch((error: unknown) => assert.ok(reader.signal.aborted, String(error)));
  });

  it('says what the node refused, and what it said that is not of the interface', async (t) => {
    const refusing = await desk(t, (_request, response) => {
      const problem = { type: 'urn:x', title: 'x', status: 503, detail: 'the node is leaving', code: 'ERR_NOT_READY' };
      response.writeHead(503, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    await assert.rejects(follow(refusing), { code: 'ERR_NOT_READY', message: 'the node is leaving' });
    const babbling = await desk(t, (_request, response) => void response.writeHead(200, HEAD).end('data: "word"\n\n'));
    await assert.rejects(follow(babbling), { code: 'ERR_REMOTE' });
    const twice = 'data: {"a":1,"a":2}\n\n';
    const ambiguous = await desk(t, (_request, response) => void response.writeHead(200, HEAD).end(twice));
    await assert.rejects(follow(ambiguous), { code: 'ERR_REMOTE', message: /twice/ });
  });

  it(`reads lines of up to ${EVENT_CHARS_MAX} characters, and none without end`, async (t) => {
    const long = `data: 1${' '.repeat(EVENT_CHARS_MAX - 'data: 1'.length)}`;
    const saying = await desk(t, (_request, response) => void response.writeHead(200, HEAD).end(`${long}\n\n`));
    assert.deepEqual(await follow(saying), [1]);
    const endless = await desk(t, (_request, response) => void response.writeHead(200, HEAD).write(`${long} 2 `));
    await assert.rejects(follow(endless), { code: 'ERR_REMOTE', message: /without end/ });
  });

  it('tells the place of each, to go on behind it', async (t) => {
    const at = await desk(t, (_request, response) => void response.writeHead(200, HEAD).end('id: 7\ndata: 1\n\n'));
    const followed = at.followed(z.number(), '/v1/events', new AbortController().signal);
    assert.deepEqual(await Array.fromAsync(followed), [{ id: '7', value: 1 }]);
  });
});

describe('asking whether a node runs', () => {
  it('is told yes by one that breaks off the call, and no once nobody is there', async (t) => {
    const ending = await desk(t, (request) => void request.socket.destroy());
    assert.equal(await ending.isRunning(), true);

    const directory = tempDir(t);
    writeFileSync(nodeLayout(directory).enrollment, '{}');
    assert.equal(await new NodeDesk(directory).isRunning(), false);
  });
});
