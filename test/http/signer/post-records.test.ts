import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { EMPTY } from '../../../src/base/bytes.ts';
import { createHttpApp, type HttpApp } from '../../../src/http/server.ts';
import { IMPORT_BYTES_MAX, piecesWithin, postRecords } from '../../../src/http/signer/post-records.ts';
import type { SignerDeps } from '../../../src/http/signer/routes.ts';
import { MemoryRecordStore } from '../../../src/sim/memory-record-store.ts';

async function importer(t: TestContext): Promise<{ readonly app: HttpApp; readonly store: MemoryRecordStore }> {
  const app = await createHttpApp({ createServer, rate: undefined });
  t.after(() => app.close());
  const store = new MemoryRecordStore();
  const callers = { name: 'test', tokenHash: EMPTY, keyIndexes: [0] };
  postRecords(app, { store, callers, audit: () => undefined } as Partial<SignerDeps> as SignerDeps);
  return { app, store };
}

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
});
