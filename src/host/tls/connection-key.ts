import type { Socket } from 'node:net';

/** Both ends of a connection: no other open connection has the same four. `undefined` for one that is gone. */
export function connectionKeyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
