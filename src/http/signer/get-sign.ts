import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseBody } from '../../api/schema.ts';
import type { Run } from '../../ports/record-store.ts';
import { parseBatchSize } from '../../signer/plan.ts';
import type { HttpApp } from '../server.ts';
import { callerOf, requireCaller } from './credential.ts';
import type { SignerDeps } from './deps.ts';

/**
 * `GET /sign/:size`, as the seed has it, and `POST`, which no proxy repeats or fetches ahead (T20): signs all that is
 * unsigned in batches of `size`. 202 at once, or with `?wait=1` 200 when it is done.
 */
export function getSign(app: HttpApp, deps: SignerDeps): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { size } = request.params as { readonly size: string };
    const { wait } = parseBody(querySchema, request.query);
    const batchSize = parseBatchSize(size);
    const { name, keyIndexes } = callerOf(request);
    const { run, isNew } = await deps.startRun(batchSize, keyIndexes);
    const { runId, batchCount } = run;
    deps.audit(name, isNew ? 'run-begun' : 'run-joined', { runId, batchSize, batchCount, keys: run.keyIndexes });
    const begun = { run_id: run.runId, batch_count: run.batchCount };
    if (wait !== '1') return reply.code(202).send(begun);
    return reply.send({ ...begun, ...(await outcomeOf(deps, await deps.untilEnded(run.runId))) });
  };
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined); // all is said in the path
    scope.route({
      method: ['GET', 'POST'],
      url: '/sign/:size',
      preParsing: requireCaller(deps.callers),
      handler,
    });
  });
}

const querySchema = z.strictObject({ wait: z.enum(['0', '1']).default('0') });

async function outcomeOf({ store, clock }: SignerDeps, run: Run) {
  const { signed, unsigned, conflicts } = await store.counts();
  return {
    signed: signed - run.signedAtStart,
    unsigned,
    conflicts,
    failed: run.failed,
    elapsed_ms: (run.endedAt ?? clock.wall()) - run.startedAt,
  };
}
