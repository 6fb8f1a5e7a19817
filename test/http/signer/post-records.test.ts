import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { EMPTY } from '../../../src/base/bytes.ts';
import { createHttpApp, type HttpApp, REQUEST_MS_MAX } from '../../../src/http/server.ts';
import { IMPORT_BYTES_MAX, IMPORT_MS_MAX, piecesWithin, postRecords } from '../../../src/http/signer/post-records.ts';
import type { SignerDeps } from '../../../src/http/signer/deps.ts';
import { MemoryRecordStore } from '../../support/stores/memory-record-store.ts';

async function importer(
  t: TestContext,
  bytesMax?: number,
): Promise<{ readonly app: HttpApp; readonly store: MemoryRecordStore; readonly audited: unknown[] }> {
  const app = await createHttpApp({ createServer, rate: undefined });
  t.after(() => app.close());
  const store = new MemoryRecordStore();
  const callers = { name: 'test', tokenHash: EMPTY, keyIndexes: [0] };
  const audited: unknown[] = [];
  const audit = (...told: unknown[]) => audited.push(told);
  postRecords(app, { store, callers, audit } as Partial<SignerDeps> as SignerDeps, bytesMax);
  return { app, store, audited };
}

const line = (i: number): string => `{"id":"${i}","msg":"${'x'.repeat(70)}"}\n`;
const LINE = '{"id":"a","msg":"x"}\n';

describe('POST /records', () => {
  it('adds what it can, and lists what it cannot', async (t) => {
    const { app, store } = await importer(t);
    const answer = await app.inject({ method: 'POST', url: '/records', payload: `${LINE}nonsense\n` });
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(answer.json(), {
      imported: 1,
      refused: 1,
      errors: [{ line: 2, code: 'ERR_RECORD_MALFORMED' }],
    });
    assert.equal(store.records.length, 1);
  });

  it('refuses a body that is packed, instead of a refusal for each line', async (t) => {
    const { app, store } = await importer(t);
    const ask = (encoding: string) =>
      app.inject({ method: 'POST', url: '/records', headers: { 'content-encoding': encoding }, payload: LINE });
    assert.equal((await ask('gzip')).statusCode, 415);
    assert.equal(store.records.length, 0);
    assert.equal((await ask('identity')).statusCode, 200);
  });

  it('may take as long to arrive as a slow store takes to keep it', async (t) => {
    const app = await createHttpApp({ createServer, rate: undefined, requestMsMax: IMPORT_MS_MAX });
    t.after(() => app.close());
    assert.equal(app.server.requestTimeout, IMPORT_MS_MAX);
    const { app: other } = await importer(t);
    assert.equal(other.server.requestTimeout, REQUEST_MS_MAX);
  });

  it('refuses a body that claims to be too large, before a byte of it is read', async (t) => {
    const { app, store } = await importer(t);
    const ask = (length: number) =>
      app.inject({
        method: 'POST',
        url: '/records',
        headers: { 'content-length': String(length) },
        payload: Readable.from([LINE]),
      });
    const refused = await ask(IMPORT_BYTES_MAX + 1);
    assert.deepEqual([refused.statusCode, refused.json<{ code: string }>().code], [413, 'ERR_BODY_TOO_LARGE']);
    assert.equal(store.records.length, 0);
    assert.equal((await ask(IMPORT_BYTES_MAX)).statusCode, 200);
    assert.equal(store.records.length, 1);
  });

  it('reads no more of a body in chunks than it may', async () => {
    const piece = new Uint8Array(1024 * 1024);
    const read = async (bytes: number): Promise<number> => {
      let length = 0;
      const body = Readable.from(Array.from({ length: bytes / piece.length }, () => piece));
      for await (const { length: more } of piecesWithin(body)) length += more;
      return length;
    };
    assert.equal(await read(IMPORT_BYTES_MAX), IMPORT_BYTES_MAX);
    await assert.rejects(read(IMPORT_BYTES_MAX + piece.length), { code: 'ERR_BODY_TOO_LARGE' });
  });

  for (const [what, header, taken] of [
    ['JSON lines', { 'transfer-encoding': 'chunked' }, 11],
    ['CSV', { 'content-type': 'text/csv' }, 11],
  ] as const)
    it(`keeps the whole lines before the bound of a body of ${what} that says no length, tells how many, and writes it down`, async (t) => {
      const isCsv = 'content-type' in header;
      const row = (i: number): string => (isCsv ? `${i},${'x'.repeat(88)}\r\n` : line(i));
      const { app, store, audited } = await importer(t, 1_050);
      const pieces = function* () {
        if (isCsv) yield 'id,msg\r\n';
        yield row(1);
        yield row(1); // a duplicate is refused
        for (let i = 2; i < 1_000; i++) {
          yield row(i).slice(0, 50); // no piece ends with a line
          yield row(i).slice(50);
        }
      };
      const payload = Readable.from(pieces(), { objectMode: false });
      const answer = await app.inject({ method: 'POST', url: '/records', headers: header, payload });
      assert.equal(answer.statusCode, 413);
      const ids = store.records.map(({ id }) => id);
      assert.ok(ids.length > 5 && ids.length <= taken, String(ids.length));
      assert.deepEqual(
        ids,
        Array.from(ids, (_, i) => String(i + 1)),
      );
      const { code, detail } = answer.json<{ code: string; detail: string }>();
      assert.equal(code, 'ERR_BODY_TOO_LARGE');
      assert.ok(detail.endsWith(`${ids.length} imported and 1 refused before`), detail);
      assert.deepEqual(audited, [['test', 'records-added', { imported: ids.length, refused: 1 }]]);
    });

  it('keeps the whole lines of a body that breaks off, and writes them down', async (t) => {
    const { app, store, audited } = await importer(t);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const body = `${line(1)}${line(2)}${line(3).slice(0, 30)}`;
    socket.write(`POST /records HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999\r\n\r\n${body}`);
    await once(app.server, 'request');
    socket.destroy();
    while (audited.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(
      store.records.map(({ id }) => id),
      ['1', '2'],
    );
    assert.deepEqual(audited, [['test', 'records-added', { imported: 2, refused: 0 }]]);
  });
});
