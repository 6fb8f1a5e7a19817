import { textOfUtf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { signedRecordJson } from '../../signer/signed-line.ts';
import type { HttpApp } from '../server.ts';
import { requireCaller } from './credential.ts';
import type { SignerDeps } from './deps.ts';

/** `GET /records/:id`: as it is exported, or `{id, msg}` while it is unsigned. The id may hold any character, encoded. */
export function getRecord(app: HttpApp, { store, callers }: SignerDeps): void {
  app.get('/records/*', { preParsing: requireCaller(callers) }, async (request, reply) => {
    const { '*': id } = request.params as { readonly '*': string };
    const found = await store.find(id);
    if (found === undefined) throw new MeshError('ERR_NOT_FOUND', 'there is no record with this id');
    if (found.tag === 'signed') return reply.send(signedRecordJson(found.record));
    return reply.send({ id: found.record.id, msg: textOfUtf8(found.record.message) });
  });
}
