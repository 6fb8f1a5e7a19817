import { randomBytes, randomUUID } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoopLibrary, LoopTask } from './loop.ts';

/** A thread that signs in a loop with one library, as somebody would who uses it for this job. */

const { library, count } = workerData as LoopTask;
const signOne = await loopOf(library);
await signOne('warm');
parentPort?.once('message', () => {
  void (async () => {
    for (let i = 0; i < count; i++) await signOne(`message ${i}`);
    parentPort?.postMessage('done');
    parentPort?.close();
  })();
});
parentPort?.postMessage('ready');

async function loopOf(name: LoopLibrary): Promise<(message: string) => unknown> {
  const key = randomBytes(32);
  switch (name) {
    case 'secp256k1': {
      const { default: addon } = await import('secp256k1/bindings.js');
      const digest = new Uint8Array(randomBytes(32));
      const out = new Uint8Array(64);
      const plainKey = new Uint8Array(key);
      let next = 0;
      return () => {
        new DataView(digest.buffer).setUint32(0, next++);
        return addon.ecdsaSign(digest, plainKey, {}, out);
      };
    }
    case 'ethers': {
      const { SigningKey, keccak256, toUtf8Bytes } = await import('ethers');
      const signingKey = new SigningKey(key);
      return (message) => signingKey.sign(keccak256(toUtf8Bytes(`${randomUUID()}${message}`))).serialized;
    }
    case 'viem': {
      const { keccak256, toHex } = await import('viem');
      const { sign } = await import('viem/accounts');
      const privateKey = `0x${key.toString('hex')}` as const;
      return (message) => sign({ hash: keccak256(toHex(`${randomUUID()}${message}`)), privateKey, to: 'hex' });
    }
  }
}
