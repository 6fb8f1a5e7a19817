import { bytesEqual } from '../../../base/bytes.ts';
import { lowerS } from '../../../crypto/secp256k1/signature.ts';
import type { Curve } from '../../secp256k1/curve.ts';
import type { RingKey } from '../engines/curve-batch.ts';
import type { TokenSession } from './token-session.ts';

/**
 * The keys of a token as keys of a ring. A token gives r and s alone, with either s: the low one is taken, and v is
 * found by recovering the key. So every signature of a token is checked before it is stored.
 */
export function tokenKeys(session: TokenSession, curve: Curve): readonly RingKey[] {
  return session.keys().map(({ handle, publicKey }) => ({
    publicKey,
    sign: (digest, out) => {
      session.sign(handle, digest, out);
      lowerS(out);
      for (const v of [0, 1] as const) {
        const point = curve.recover(digest, out, v);
        if (point !== undefined && bytesEqual(point, publicKey)) return v;
      }
      throw new Error('the token gave a signature that does not verify');
    },
    check: () => undefined, // nobody here has the key
  }));
}
