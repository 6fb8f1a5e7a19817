import { closeSync, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MeshError, quoted } from '../../base/errors.ts';

/** Name of the socket in a directory. HTTP; whoever may open it is an administrator of that directory. */
export const CONTROL_SOCKET = 'control.sock';

/** Bytes of a socket's path that the kernel takes (`sun_path` less its final zero). */
export const SOCKET_PATH_BYTES_MAX = 107;

/** Where a directory's control socket lies. */
export function controlSocketOf(directory: string): string {
  return join(directory, CONTROL_SOCKET);
}

/**
 * Lends a path for the socket that is short enough for the kernel. Deep directories are gone into by way of a
 * descriptor (`/proc/self/fd/N`), open until what `use` returns has settled.
 */
export async function withSocketPath<T>(path: string, use: (shortPath: string) => T | Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return use(path);
  if (process.platform !== 'linux')
    throw new MeshError(
      'ERR_CONFIG',
      `directory ${quoted(dirname(path))} is too deep for a socket`,
      'use a shorter --dir',
    );
  const folder = openSync(dirname(path), 'r');
  try {
    return await use(`/proc/self/fd/${folder}/${basename(path)}`);
  } finally {
    closeSync(folder);
  }
}
