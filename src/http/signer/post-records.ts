import type { Bytes } from '../../base/bytes.ts';
import { importRecords } from '../../signer/import-records.ts';
import type { HttpApp } from '../server.ts';
import { callerOf, requireCaller } from './credential.ts';
import type { SignerDeps } from './routes.ts';

/** Bytes of one import. It is read as it comes, a chunk at a time, so this bounds time and not memory. */
const IMPORT_BYTES_MAX = 256 * 1024 * 1024;

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
        const body = (request.body ?? []) as AsyncIterable<Bytes>;
        const result = await importRecords(store, body, isCsv ? 'csv' : 'jsonl');
        const { imported, refused } = result;
        audit(callerOf(request).name, 'records-added', { imported, refused });
        return reply.send(result);
      },
    );
  });
}
