import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../../base/errors.ts';
import { loadCurve } from '../../secp256k1/curve.ts';
import { loadKeys, recoverBatch, signOnCurve } from './curve-batch.ts';
import { tokenKeys } from '../token/token-keys.ts';
import { TokenSession } from '../token/token-session.ts';
import type { WorkerAnswer, WorkerRequest, WorkerStart } from './worker-engine.ts';

/** A thread that signs and recovers batches, one at a time, in the order in which they come. */

const { curveName, ring } = workerData as WorkerStart;
const packed = ring.tag === 'keys' ? ring.packed : new Uint8Array(0);
const port = parentPort;
if (port === null) throw new Error('signing-worker runs as a worker thread');

try {
  const curve = await loadCurve(curveName);
  const session = ring.tag === 'token' ? await TokenSession.open(ring.uri, ring.pin) : undefined;
  const keys = session === undefined ? loadKeys(curve, packed) : tokenKeys(session, curve);
  port.on('message', (request: WorkerRequest) => {
    if (request.tag === 'close') {
      packed.fill(0);
      session?.close();
      port.close();
      return;
    }
    try {
      const result =
        request.tag === 'sign' ? signOnCurve(curve, keys, request.batch) : recoverBatch(curve, request.batch);
      answer({ tag: 'done', ticket: request.ticket, result });
    } catch (error) {
      answer({ tag: 'failed', ticket: request.ticket, reason: messageOf(error) });
    }
  });
  answer({ tag: 'ready', publicKeys: keys.map(({ publicKey }) => publicKey) });
} catch (error) {
  answer({ tag: 'unusable', reason: messageOf(error) });
}

function answer(message: WorkerAnswer): void {
  port?.postMessage(message, message.tag === 'done' ? [message.result.buffer as ArrayBuffer] : []);
}
