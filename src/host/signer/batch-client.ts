import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import { errorOfProblem } from '../../api/problem.ts';
import { MeshError, messageOf } from '../../base/errors.ts';

/** A batch may have a million records, and wait behind others. */
export const BATCH_ANSWER_MS_MAX = 10 * 60_000;
/** Two numbers, or a problem document. */
export const BATCH_ANSWER_BYTES_MAX = 64 * 1024;

const answerSchema = z.object({ signed: z.int().min(0), failed: z.int().min(0) });

export interface BatchRequest {
  /** `http://HOST:PORT` of the service: any replica may answer. */
  readonly serviceUrl: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Calls a replica. Each call has a connection of its own: whatever balances load by connection, as a Kubernetes service
 * does, so spreads the batches.
 * @throws what the replica's problem document says; ERR_UNREACHABLE where none came.
 */
export async function callBatch(call: BatchRequest): Promise<z.output<typeof answerSchema>> {
  const { status, body } = await exchange(call);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new MeshError('ERR_UNREACHABLE', `the service answered ${status} and no JSON`); // a load balancer's own words
  }
  if (status !== 200) throw errorOfProblem(value) ?? new MeshError('ERR_REMOTE', `the service answered ${status}`);
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success)
    throw new MeshError('ERR_REMOTE', 'the service answered something else than the outcome of a batch');
  return parsed.data;
}

function exchange({ serviceUrl, path, headers }: BatchRequest): Promise<{ status: number; body: string }> {
  const url = new URL(path, serviceUrl);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(new MeshError('ERR_UNREACHABLE', `the service gave no answer: ${messageOf(error)}`));
    };
    const call = request(url, { method: 'GET', headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        body += part;
        if (body.length > BATCH_ANSWER_BYTES_MAX) answer.destroy(new Error('the answer is too long'));
      });
      answer.on('error', fail);
      answer.on('end', () => {
        clearTimeout(timer);
        resolve({ status: answer.statusCode ?? 0, body });
      });
    });
    const timer = setTimeout(() => call.destroy(new Error('no answer in time')), BATCH_ANSWER_MS_MAX);
    call.on('error', fail);
    call.end();
  });
}
