import { createReadStream } from 'node:fs';
import { type Bytes, concatBytes } from '../base/bytes.ts';
import type { ErrorCode } from '../base/error-codes.ts';
import { isMeshError, MeshError, messageOf, quotedPath } from '../base/errors.ts';

/**
 * All of a file, or of standard input where it is called `-`; no further than the limit.
 *
 * Piece by piece: a pipe whose writer takes its time cannot be read at once.
 *
 * @param tooLarge what it is called where it goes on behind the limit.
 * @throws ERR_INPUT where it cannot be read.
 */
export async function readInput(file: string, bytesMax: number, tooLarge: ErrorCode = 'ERR_INPUT'): Promise<Bytes> {
  const name = file === '-' ? 'standard input' : `file ${quotedPath(file)}`;
  const pieces: Bytes[] = [];
  let length = 0;
  try {
    const source = file === '-' ? process.stdin : createReadStream(file);
    for await (const piece of source as AsyncIterable<Bytes>) {
      length += piece.length;
      if (length > bytesMax) throw new MeshError(tooLarge, `${name} is larger than ${bytesMax} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError(
      'ERR_INPUT',
      `${name} cannot be read: ${messageOf(error)}`,
      'name a file, or «-» for standard input',
    );
  }
  return concatBytes(...pieces);
}
