import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { textOfUtf8 } from '../../../src/base/bytes.ts';
import {
  exchange,
  EXCHANGE_MS_MAX,
  HTTP_ANSWER_BYTES_MAX,
  isNobodyThere,
  openExchange,
  type Target,
} from '../../../src/host/http/client.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Context = Parameters<typeof tempDir>[0];

/** A server on a socket of its own. */
function served(t: Context, listener: RequestListener): Promise<Target> {
  const path = join(tempDir(t), 'sock');
  const server = createServer(listener);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => server.listen(path, () => resolve({ tag: 'socket', path })));
}

test('a body that is no bytes goes as JSON, and the whole answer comes back', async (t) => {
  const target = await served(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      response.writeHead(202, { 'x-type': request.headers['content-type'] ?? 'none' });
      response.end(Buffer.concat(parts));
    });
  });
  const json = await exchange(target, { method: 'POST', path: '/', body: { a: 'ä' } });
  assert.deepEqual(
    [json.status, json.headers['x-type'], textOfUtf8(json.body)],
    [202, 'application/json', '{"a":"ä"}'],
  );
  const bytes = await exchange(target, {
    method: 'POST',
    path: '/',
    body: Uint8Array.of(1, 2),
    headers: { 'content-type': 'x/y' },
  });
  assert.deepEqual([bytes.headers['x-type'], [...bytes.body]], ['x/y', [1, 2]]);
});

test('an answer longer than was allowed is not read to its end', async (t) => {
  const target = await served(t, (_request, response) => response.end('x'.repeat(2_000)));
  await assert.rejects(exchange(target, { method: 'GET', path: '/', bodyBytesMax: 1_999 }), {
    code: 'ERR_REMOTE',
    message: /longer than 1999/,
  });
  assert.equal((await exchange(target, { method: 'GET', path: '/', bodyBytesMax: 2_000 })).body.length, 2_000);
});

test('where nothing else is said an answer has its bound too', async (t) => {
  let length = HTTP_ANSWER_BYTES_MAX + 1;
  const target = await served(t, (_request, response) => response.end(new Uint8Array(length)));
  await assert.rejects(exchange(target, { method: 'GET', path: '/' }), {
    code: 'ERR_REMOTE',
    message: /longer than/,
  });
  length = HTTP_ANSWER_BYTES_MAX;
  assert.equal((await exchange(target, { method: 'GET', path: '/' })).body.length, HTTP_ANSWER_BYTES_MAX);
});

test('where nothing else is said an exchange has its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked = Promise.withResolvers<void>();
  const target = await served(t, () => asked.resolve());
  const answer = exchange(target, { method: 'GET', path: '/' });
  await asked.promise;
  t.mock.timers.tick(EXCHANGE_MS_MAX - 1);
  await turns();
  t.mock.timers.tick(1);
  await assert.rejects(answer, { code: 'ERR_UNREACHABLE', message: /no answer within 20 s/ });
});

test('silence ends in a refusal, before the head and in the middle of the body', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const beginning of ['', 'half']) {
    const asked = Promise.withResolvers<void>();
    const target = await served(t, (_request, response) => {
      if (beginning !== '') response.write(beginning);
      asked.resolve();
    });
    const answer = exchange(target, { method: 'GET', path: '/', timeoutMs: 5_000 });
    await asked.promise;
    if (beginning !== '') await turns();
    t.mock.timers.tick(4_999);
    await turns();
    t.mock.timers.tick(1);
    await assert.rejects(answer, { code: 'ERR_UNREACHABLE', message: /no answer within 5 s|aborted/ });
  }
});

test('a stream of events outlives the time limit of its head', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let end = (): void => {};
  const target = await served(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    end = () => response.end('data: 2\n\n');
  });
  const message = await openExchange(target, { method: 'GET', path: '/', timeoutMs: 5_000 });
  t.mock.timers.tick(60_000);
  await turns();
  end();
  let text = '';
  for await (const part of message.setEncoding('utf8')) text += String(part);
  assert.equal(text, 'data: 1\n\ndata: 2\n\n');
});

/** Lets sockets that are ready be read. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('a socket that nobody listens on is told apart from one that misbehaves', async (t) => {
  const path = join(tempDir(t), 'none');
  const nobody = await exchange({ tag: 'socket', path }, { method: 'GET', path: '/' }).catch((error: unknown) => error);
  assert.equal(isNobodyThere(nobody), true);
  const rude = await served(t, (request) => request.socket.destroy());
  const hung = await exchange(rude, { method: 'GET', path: '/' }).catch((error: unknown) => error);
  assert.equal((hung as { code?: string }).code, 'ERR_UNREACHABLE');
  assert.equal(isNobodyThere(hung), false);
});

test('a trust anchor that is none is refused before anything is sent', async () => {
  const target: Target = {
    tag: 'tls',
    endpoint: 'https://127.0.0.1:1',
    trustAnchors: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  };
  await assert.rejects(exchange(target, { method: 'GET', path: '/' }), { code: 'ERR_UNREACHABLE' });
});
