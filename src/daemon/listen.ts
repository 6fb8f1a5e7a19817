import { chmodSync, rmSync } from 'node:fs';
import { MeshError, messageOf, quoted } from '../base/errors.ts';
import { withSocketPath } from '../host/http/control-socket.ts';
import type { HttpApp } from '../http/server.ts';
import { formatAddress } from '../message/payloads/address.ts';

/** What a failed `listen` means to the operator. */
export function listenError(error: unknown, address: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new MeshError('ERR_PORT_IN_USE', `address ${quoted(address)} is in use by another process`);
  if (code === undefined || !['EADDRNOTAVAIL', 'ENOTFOUND', 'EACCES', 'EAI_AGAIN', 'EINVAL'].includes(code))
    return error;
  return new MeshError(
    'ERR_CONFIG',
    `cannot listen on ${quoted(address)}: ${messageOf(error)}`,
    'choose another with --listen HOST:PORT',
  );
}

/** Listens for HTTP or HTTPS. @returns the port: where 0 was asked for, the one that was free. */
export async function listenHttp(app: HttpApp, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, formatAddress(host, port));
  }
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** We hold the directory's lock, so a socket that lies there is of a process that was killed. */
export async function listenControl(app: HttpApp, path: string): Promise<void> {
  rmSync(path, { force: true });
  await withSocketPath(path, (shortPath) => app.listen({ path: shortPath }));
  chmodSync(path, 0o600); // nobody came in between: the directory itself is its owner's alone
}
