import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quotedPath } from '../../base/errors.ts';

/** Largest file of a secret: keys and passphrases are far smaller. */
export const SECRET_FILE_BYTES_MAX = 128 * 1024;

/**
 * The content of a file that only its owner may read; `undefined` where there is none.
 *
 * The mode is looked at on the open file, so it cannot be swapped between look and read.
 *
 * @throws ERR_KEY_FILE_MODE where group or others have any right on it; ERR_STATE_CORRUPT where it is too large.
 */
export function readSecretFile(path: string): Bytes | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MeshError(
      'ERR_KEY_MISSING',
      `secret file ${quotedPath(path)} cannot be opened`,
      'check its owner and mode',
      {
        cause: error,
      },
    );
  }
  try {
    const { mode, size } = fstatSync(fd);
    const rights = mode & 0o777;
    if ((rights & 0o077) !== 0)
      throw new MeshError(
        'ERR_KEY_FILE_MODE',
        `secret file ${quotedPath(path)} has mode ${rights.toString(8)}, expected 600`,
        `chmod 600 ${path}`,
      );
    if (size > SECRET_FILE_BYTES_MAX)
      throw new MeshError(
        'ERR_STATE_CORRUPT',
        `secret file ${quotedPath(path)} is larger than ${SECRET_FILE_BYTES_MAX} bytes`,
      );
    const content = new Uint8Array(SECRET_FILE_BYTES_MAX);
    let length = 0;
    for (let got = -1; got !== 0; length += got) got = readSync(fd, content, length, content.length - length, null);
    return content.slice(0, length);
  } finally {
    closeSync(fd);
  }
}
