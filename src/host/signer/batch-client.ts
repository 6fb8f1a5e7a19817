import { z } from 'zod';
import { callJson } from '../http/call.ts';

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
 * @throws as {@link callJson}
 */
export function callBatch({ serviceUrl, path, headers }: BatchRequest): Promise<z.output<typeof answerSchema>> {
  return callJson({ tag: 'web', url: serviceUrl }, answerSchema, {
    method: 'GET',
    path,
    headers,
    timeoutMs: BATCH_ANSWER_MS_MAX,
    bodyBytesMax: BATCH_ANSWER_BYTES_MAX,
  });
}
