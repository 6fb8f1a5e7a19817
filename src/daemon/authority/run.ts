import { rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { CRL_DUE_CHECK_MS } from '../../authority/revocation/crl-book.ts';
import { messageOf } from '../../base/errors.ts';
import { MINUTE_MS } from '../../base/time.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import { peerChainOf } from '../../host/tls/peer-chain.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { Visitors } from '../../host/tls/visitors.ts';
import type { AuthorityDeps, Credential } from '../../http/authority/deps.ts';
import { addAuthorityRoutes } from '../../http/authority/routes.ts';
import { createHttpApp, type HttpApp, socketOf } from '../../http/server.ts';
import { formatAddress, splitAddress } from '../../message/payloads/address.ts';
import { type OpenAuthority, openAuthority, type OpenAuthorityOptions } from './open.ts';
import { hostFromHere, isWildcard, outerAddresses } from '../../host/machine/interfaces.ts';
import { listenControl, listenHttp } from '../listen.ts';
import { createLog, type Log, requestLog } from '../log.ts';
import { programVersion } from '../version.ts';
import { ServerCertificate } from './server-certificate.ts';

export interface RunAuthorityOptions extends OpenAuthorityOptions {
  /** By default what the configuration says, on standard error. */
  readonly log?: Log;
}

export interface RunningAuthority {
  /** `https://HOST:PORT`. */
  readonly url: string;
  readonly mesh: string;
  close(): Promise<void>;
}

/**
 * Runs the authority of a directory: HTTPS where `listen` says, and the control socket.
 * @throws as {@link openAuthority}; ERR_PORT_IN_USE, ERR_CONFIG for an address that is not this machine's.
 */
export async function runAuthority(options: RunAuthorityOptions): Promise<RunningAuthority> {
  const opened = await openAuthority(options);
  const log = options.log ?? createLog(opened.config.log_level, 'authority');
  const closers = new AsyncDisposableStack();
  closers.defer(() => opened.close());
  try {
    await opened.authority.tendCrl('now'); // what was revoked before a crash is published now
    const listen = splitAddress(opened.config.listen, 0);
    const certificate = await ServerCertificate.issue(opened, listen.host);
    let endpoint = '';
    const deps = (credentialOf: AuthorityDeps['credentialOf']): AuthorityDeps => ({
      authority: opened.authority,
      endpoint: () => endpoint,
      version: programVersion(),
      clock: systemClock,
      hosts: certificate.names,
      credentialOf,
      enrollPerMinute: opened.config.enroll_per_minute,
      notReady: () => opened.authority.whyNotReady(),
    });

    const { app, server } = await openHttps(closers, opened, certificate, log);
    addAuthorityRoutes(
      app,
      deps((request) => tlsCredential(socketOf(request) as TLSSocket)),
    );
    const control = await createHttpApp({
      createServer: createHttpServer,
      rate: undefined,
      ...requestLog(log, 'info'),
    });
    closers.defer(() => control.close());
    addAuthorityRoutes(
      control,
      deps(() => ({ tag: 'local' })),
    );

    const port = await listenHttp(app, listen.host, listen.port);
    endpoint = `https://${formatAddress(publicHostOf(opened, listen.host), port)}`;
    await opened.store.transact((tx) => tx.setMeta('endpoint', endpoint));
    await listenControl(control, controlSocketOf(opened.layout.directory));
    closers.defer(() => rmSync(controlSocketOf(opened.layout.directory), { force: true }));

    keepTending(closers, () => tend(opened, certificate, server, log));
    log.info({ url: endpoint, mesh: opened.config.mesh }, 'authority listens');
    return {
      url: `https://${formatAddress(hostFromHere(listen.host), port)}`,
      mesh: opened.config.mesh,
      close: () => closers.disposeAsync(),
    };
  } catch (error) {
    await closers.disposeAsync();
    throw error;
  }
}

/** What others ask over HTTPS. Nobody is answered before it listens. */
async function openHttps(
  closers: AsyncDisposableStack,
  opened: OpenAuthority,
  certificate: ServerCertificate,
  log: Log,
): Promise<{ readonly app: HttpApp; readonly server: HttpsServer }> {
  let server: HttpsServer | undefined;
  const tlsOptions = await certificate.options();
  const app = await createHttpApp({
    createServer: (limits, listener) => {
      server = createHttpsServer({ ...limits, ...tlsOptions }, listener);
      void new Visitors(server);
      return server;
    },
    rate: { requestsMax: opened.config.requests_per_minute, windowMs: MINUTE_MS },
    ...requestLog(log, 'info'),
  });
  closers.defer(() => app.close());
  server?.on('tlsClientError', (error, socket) => {
    log.debug({ reason: messageOf(error) }, 'handshake failed');
    socket.destroy();
  });
  return { app, server: server as HttpsServer };
}

/** Signs what is due, one time after another, until the authority is closed. */
function keepTending(closers: AsyncDisposableStack, work: () => Promise<void>): void {
  let tending = Promise.resolve();
  const timer = setInterval(() => {
    tending = tending.then(work);
  }, CRL_DUE_CHECK_MS);
  closers.defer(() => {
    clearInterval(timer);
    return tending;
  });
}

async function tend(
  opened: OpenAuthority,
  certificate: ServerCertificate,
  server: HttpsServer,
  log: Log,
): Promise<void> {
  try {
    await opened.authority.tendCrl('if-due');
    await certificate.renewIfDue(server);
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'signing failed'); // told to operators by /readyz as well
  }
}

function tlsCredential(socket: TLSSocket): Credential {
  const chain = peerChainOf(socket);
  return chain.length === 0 ? { tag: 'none' } : { tag: 'certificate', chain };
}

/** What goes into tickets: a name of the operator's choice, or an address by which others get here. */
function publicHostOf(opened: OpenAuthority, listenHost: string): string {
  const [named] = opened.config.hosts;
  if (named !== undefined) return named;
  if (!isWildcard(listenHost)) return listenHost;
  return outerAddresses(['IPv4'])[0] ?? '127.0.0.1';
}
