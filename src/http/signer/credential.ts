import type { FastifyRequest } from 'fastify';
import { utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { secretsEqual, sha256 } from '../../crypto/hash.ts';

/**
 * Lets in who shows the token (RFC 6750), before a byte of the body is read.
 * @param tokenHash SHA-256 of the token; `undefined`: nobody needs one, because only this machine can call.
 * @throws ERR_TOKEN
 */
export function requireToken(tokenHash: Uint8Array | undefined): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (tokenHash === undefined) return;
    const shown = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (shown === undefined || !secretsEqual(sha256(utf8(shown)), tokenHash))
      throw new MeshError('ERR_TOKEN', 'this call needs a token', 'send the header Authorization: Bearer TOKEN');
  };
}
