import { MeshError } from '../../base/errors.ts';
import { parseBatchCall } from '../../signer/plan.ts';
import type { HttpApp } from '../server.ts';
import { requireSecret } from './credential.ts';
import type { SignerDeps } from './deps.ts';

/**
 * `GET /batch/:batchId/:batchCount/:key` (seed 004: «internal endpoint to launch batch signing»). `:key` is an index
 * into the ring; key material never travels (T20). Replicas show each other the cluster secret.
 */
export function getBatch(app: HttpApp, deps: SignerDeps): void {
  app.get(
    '/batch/:batchId/:batchCount/:key',
    { preParsing: requireSecret(deps.clusterSecretHash) },
    async (request, reply) => {
      const { batchId, batchCount, key } = request.params as Readonly<Record<'batchId' | 'batchCount' | 'key', string>>;
      const call = parseBatchCall(batchId, batchCount, key, deps.ringSize);
      const [runId, ring] = [request.headers['chainmail-run'], request.headers['chainmail-ring']];
      if (typeof runId !== 'string' || typeof ring !== 'string')
        throw new MeshError('ERR_INPUT', 'the headers Chainmail-Run and Chainmail-Ring are expected');
      const { signed, failed } = await deps.signBatch({ ...call, runId, ring });
      return reply.send({ signed, failed });
    },
  );
}
