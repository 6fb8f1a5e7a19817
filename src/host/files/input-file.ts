import { closeSync, openSync, readSync } from 'node:fs';
import { type Bytes, concatBytes } from '../../base/bytes.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import { isMeshError, MeshError, messageOf, quotedPath } from '../../base/errors.ts';

const PIECE_BYTES = 256 * 1024;

/**
 * A file that the user names, which may be anything: also a device or a pipe without an end, so its size is not asked for
 * and no more is read than one byte beyond the limit.
 *
 * @throws the code, where it cannot be read or is larger.
 */
export function readInputFile(path: string, bytesMax: number, code: ErrorCode = 'ERR_INPUT', hint?: string): Bytes {
  try {
    return readUpTo(path, bytesMax, () => {
      throw new MeshError(code, `file ${quotedPath(path)} is larger than ${bytesMax} bytes`, hint);
    });
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError(code, `file ${quotedPath(path)} cannot be read: ${messageOf(error)}`, hint);
  }
}

function readUpTo(path: string, bytesMax: number, refuse: () => never): Bytes {
  const pieces: Bytes[] = [];
  let length = 0;
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, bytesMax + 1 - length));
      const read = readSync(file, piece);
      if (read === 0) break;
      length += read;
      if (length > bytesMax) refuse();
      pieces.push(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : concatBytes(...pieces); // a secret is not copied
}
