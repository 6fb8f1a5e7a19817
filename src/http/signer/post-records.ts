import { Readable } from 'node:stream';
import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { type ImportResult, importRecords } from '../../signer/import-records.ts';
import type { HttpApp } from '../server.ts';
import { callerOf, requireCaller } from './credential.ts';
import type { SignerDeps } from './deps.ts';

/** Bytes of one import. It is read as it comes, a chunk at a time, so this bounds time and not memory. */
export const IMPORT_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Time in which an import must have arrived. It is read no faster than the store takes it: at the 17,000 records a second
 * of a database on another machine, {@link IMPORT_BYTES_MAX} of short records take some four minutes.
 */
export const IMPORT_MS_MAX = 15 * 60_000;

/**
 * `POST /records`: adds records, as `signer import` does. The body is JSON lines (a line may also be an array), or CSV
 * where the content type is `text/csv`. 200 even where some were refused: the answer lists them by line. Of a body that
 * breaks off, or goes beyond the bound, the whole lines before are kept.
 */
export function postRecords(
  app: HttpApp,
  { store, callers, audit }: SignerDeps,
  bytesMax: number = IMPORT_BYTES_MAX,
): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { bodyLimit: bytesMax }, async (_request: unknown, payload: unknown) => payload);
    scope.post('/records', { preParsing: requireCaller(callers), bodyLimit: bytesMax }, async (request, reply) => {
      const isCsv = request.headers['content-type']?.toLowerCase().startsWith('text/csv') === true;
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
        throw new MeshError('ERR_MEDIA_TYPE', 'the content encoding of the body is not accepted', 'send it as it is');
      if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
      const body = piecesWithin((request.body ?? Readable.from([])) as Readable, bytesMax);
      const note = ({ imported, refused }: ImportResult): void =>
        audit(callerOf(request).name, 'records-added', { imported, refused });
      let cut: ImportResult | undefined;
      try {
        const result = await importRecords(store, body, isCsv ? 'csv' : 'jsonl', { onCut: (told) => (cut = told) });
        note(result);
        return await reply.send(result);
      } catch (error) {
        if (cut !== undefined) note(cut);
        if (cut !== undefined && isMeshError(error) && error.code === 'ERR_BODY_TOO_LARGE')
          throw tooLarge(bytesMax, cut);
        throw error;
      }
    });
  });
}

/** The framework bounds only what it gathers itself. @throws ERR_BODY_TOO_LARGE */
export async function* piecesWithin(body: Readable, bytesMax: number = IMPORT_BYTES_MAX): AsyncGenerator<Bytes> {
  let length = 0;
  // What is refused here is still read to its end, by who sends the answer.
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    const bytes = piece as Bytes;
    length += bytes.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    yield bytes;
  }
}

/** @param before what became of the lines that had been read by then. */
function tooLarge(bytesMax: number, before?: ImportResult): MeshError {
  const told =
    before === undefined
      ? 'nothing of it was read'
      : `${before.imported} imported and ${before.refused} refused before`;
  return new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${bytesMax} bytes; ${told}`, 'import it in parts');
}
