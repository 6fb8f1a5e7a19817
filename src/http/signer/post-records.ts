import { Readable } from 'node:stream';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { importRecords } from '../../signer/import-records.ts';
import type { HttpApp } from '../server.ts';
import { callerOf, requireCaller } from './credential.ts';
import type { SignerDeps } from './routes.ts';

/** Bytes of one import. It is read as it comes, a chunk at a time, so this bounds time and not memory. */
export const IMPORT_BYTES_MAX = 256 * 1024 * 1024;

/**
 * `POST /records`: adds records, as `signer import` does. The body is JSON lines (a line may also be an array), or CSV
 * where the content type is `text/csv`. 200 even where some were refused: the answer lists them by line.
 */
export function postRecords(app: HttpApp, { store, callers, audit }: SignerDeps): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { bodyLimit: IMPORT_BYTES_MAX },
      async (_request: unknown, payload: unknown) => payload,
    );
    scope.post(
      '/records',
      { preParsing: requireCaller(callers), bodyLimit: IMPORT_BYTES_MAX },
      async (request, reply) => {
        const isCsv = request.headers['content-type']?.toLowerCase().startsWith('text/csv') === true;
        if (Number(request.headers['content-length'] ?? 0) > IMPORT_BYTES_MAX) throw tooLarge();
        const body = piecesWithin((request.body ?? Readable.from([])) as Readable);
        const result = await importRecords(store, body, isCsv ? 'csv' : 'jsonl');
        const { imported, refused } = result;
        audit(callerOf(request).name, 'records-added', { imported, refused });
        return reply.send(result);
      },
    );
  });
}

/** The framework bounds only what it gathers itself. @throws ERR_BODY_TOO_LARGE */
export async function* piecesWithin(body: Readable): AsyncGenerator<Bytes> {
  let length = 0;
  // What is refused here is still read to its end, by who sends the answer.
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    const bytes = piece as Bytes;
    length += bytes.length;
    if (length > IMPORT_BYTES_MAX) throw tooLarge();
    yield bytes;
  }
}

function tooLarge(): MeshError {
  return new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${IMPORT_BYTES_MAX} bytes`, 'import it in parts');
}
