import { rmSync } from 'node:fs';
import { clientKeyOf } from '../../base/client-key.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import { HttpCarrier, memberOf } from '../../host/http/carrier.ts';
import type { NodeHost } from '../../host/node/node-host.ts';
import { createServer as createHttpServer } from '../../http/builtin-http.ts';
import type { ProgramDeps } from '../../http/node/deps.ts';
import { addMemberRoutes, addProgramRoutes } from '../../http/node/routes.ts';
import { RequestTurns } from '../../http/request-turns.ts';
import { createHttpApp, OWNERS_CHECK_MS, socketOf } from '../../http/server.ts';
import { listenControl } from '../listen.ts';
import { type Log, requestLog } from '../log.ts';
import type { NodeConfig } from './config.ts';

/** What members of the mesh ask over HTTP, on connections that the TLS port hands over. */
export async function openMembers(
  closers: AsyncDisposableStack,
  host: NodeHost,
  config: NodeConfig,
  log: Log,
): Promise<HttpCarrier> {
  const carrier = new HttpCarrier(host.shares, () => host.now().mono);
  const members = await createHttpApp({
    createServer: carrier.createServer,
    rate: undefined,
    turns: new RequestTurns({
      clientOf: (socket) => memberOf(socket)?.nodeId ?? clientKeyOf(socket.remoteAddress),
      shares: host.shares,
      now: () => host.now().mono,
    }),
    ...requestLog(log, 'debug'),
  });
  addMemberRoutes(members, {
    service: host,
    memberOf: (request) => memberOf(socketOf(request)),
    signedHosts: config.signed_requests.map((name) => name.toLowerCase()),
  });
  await members.ready();
  closers.defer(() => members.close());
  closers.defer(() => carrier.close());
  return carrier;
}

/** What programs on this machine ask, on the control socket. */
export async function openPrograms(
  closers: AsyncDisposableStack,
  directory: string,
  deps: ProgramDeps,
  log: Log,
): Promise<void> {
  const programs = await createHttpApp({
    createServer: createHttpServer,
    rate: undefined,
    checkMs: OWNERS_CHECK_MS,
    ...requestLog(log, 'debug'),
  });
  addProgramRoutes(programs, deps);
  closers.defer(() => programs.close());
  await listenControl(programs, controlSocketOf(directory));
  closers.defer(() => rmSync(controlSocketOf(directory), { force: true }));
}
