import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Bytes } from '../../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../../base/errors.ts';

/**
 * As `readSecretFile`, but the group may read: Kubernetes gives the files of a secret to root and lets the pod read
 * them by its group (`fsGroup`), and no pod has another member in it.
 *
 * @throws ERR_KEY_MISSING where it cannot be read; ERR_KEY_FILE_MODE where others may read it, or the group may write
 * it; ERR_STATE_CORRUPT where it is longer than `bytesMax`.
 */
export function readMountedSecret(path: string, bytesMax: number): Bytes {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new MeshError('ERR_KEY_MISSING', `secret file ${quoted(path)} cannot be opened: ${messageOf(error)}`);
  }
  try {
    const { mode, size } = fstatSync(fd);
    if ((mode & 0o027) !== 0)
      throw new MeshError(
        'ERR_KEY_FILE_MODE',
        `secret file ${quoted(path)} has mode ${(mode & 0o777).toString(8)}, expected 600, or 440 in a mounted secret`,
        `chmod 600 ${path}`,
      );
    if (size > bytesMax)
      throw new MeshError('ERR_STATE_CORRUPT', `secret file ${quoted(path)} is longer than ${bytesMax} bytes`);
    const content = new Uint8Array(bytesMax);
    return content.subarray(0, readSync(fd, content, 0, content.length, 0));
  } finally {
    closeSync(fd);
  }
}
