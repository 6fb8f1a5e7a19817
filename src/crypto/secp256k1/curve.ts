import { createRequire } from 'node:module';
import type * as noble from '@noble/curves/secp256k1.js';

const load = createRequire(import.meta.url);

/**
 * The curve with which keys are recovered from signatures. Loaded when it is first asked for, 1.5 MiB: most nodes never meet
 * a wallet, and the answer is the same whenever it comes. Costs a microsecond a call, beside hundreds.
 */
export function curve(): typeof noble.secp256k1 {
  return (load('@noble/curves/secp256k1.js') as typeof noble).secp256k1;
}
