import { rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { chainPem } from '../../authority/issuer.ts';
import { CRL_DUE_CHECK_MS } from '../../authority/revocation/crl-book.ts';
import { MeshError, messageOf } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import { peerChainOf } from '../../host/tls/peer-chain.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { tlsServerOptions } from '../../host/tls/server-options.ts';
import { Visitors } from '../../host/tls/visitors.ts';
import type { AuthorityDeps, Credential } from '../../http/authority/deps.ts';
import { addAuthorityRoutes } from '../../http/authority/routes.ts';
import { createHttpApp, socketOf } from '../../http/server.ts';
import { formatAddress, splitAddress } from '../../message/address.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import { type OpenAuthority, openAuthority, type OpenAuthorityOptions } from './open.ts';
import { allAddresses, hostFromHere, isLoopback, isWildcard, outerAddresses } from '../../host/machine/interfaces.ts';
import { listenControl, listenHttp } from '../listen.ts';
import { createLog, type Log, requestLog } from '../log.ts';
import { programVersion } from '../version.ts';

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

    let tlsServer: HttpsServer | undefined;
    const tlsOptions = await certificate.options();
    const app = await createHttpApp({
      createServer: (limits, listener) => {
        tlsServer = createHttpsServer({ ...limits, ...tlsOptions }, listener);
        void new Visitors(tlsServer);
        return tlsServer;
      },
      rate: { requestsMax: opened.config.requests_per_minute, windowMs: 60_000 },
      ...requestLog(log, 'info'),
    });
    closers.defer(() => app.close());
    addAuthorityRoutes(
      app,
      deps((request) => tlsCredential(socketOf(request) as TLSSocket)),
    );
    tlsServer?.on('tlsClientError', (error, socket) => {
      log.debug({ reason: messageOf(error) }, 'handshake failed');
      socket.destroy();
    });

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

    let tending = Promise.resolve();
    const timer = setInterval(() => {
      tending = tending.then(() => tend(opened, certificate, tlsServer as HttpsServer, log));
    }, CRL_DUE_CHECK_MS);
    closers.defer(() => {
      clearInterval(timer);
      return tending;
    });
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

/** The certificate of this server, renewed while it runs. */
class ServerCertificate {
  readonly #opened: OpenAuthority;
  readonly #hosts: readonly string[];
  #pem = '';
  #renewAt = 0 as UnixMs;

  private constructor(opened: OpenAuthority, hosts: readonly string[]) {
    this.#opened = opened;
    this.#hosts = hosts;
  }

  /** What it speaks for, lower case: the mesh's name of the authority, and hosts and addresses. */
  get names(): readonly string[] {
    const { mesh } = this.#opened.authority.issuer;
    return [authorityNames(mesh).dns, ...this.#hosts.map((host) => host.toLowerCase())];
  }

  static async issue(opened: OpenAuthority, listenHost: string): Promise<ServerCertificate> {
    const hosts = [...new Set([...hostsOf(listenHost), ...opened.config.hosts])];
    const certificate = new ServerCertificate(opened, hosts);
    await certificate.#renew();
    return certificate;
  }

  async options(): Promise<ReturnType<typeof tlsServerOptions>> {
    const { keys, authority } = this.#opened;
    return tlsServerOptions({
      certificate: this.#pem,
      key: await keys.exportPem('server'),
      trustAnchors: [authority.issuer.rootPem],
    });
  }

  /** When a third of the life that was received is left. */
  async renewIfDue(server: HttpsServer): Promise<void> {
    if (systemClock.wall() < this.#renewAt) return;
    await this.#renew();
    server.setSecureContext(await this.options());
  }

  async #renew(): Promise<void> {
    const { keys, authority } = this.#opened;
    const signer = (await keys.has('server')) ? await keys.open('server') : await keys.generate('server');
    try {
      const { der, notAfter } = await authority.issueServerCertificate(signer.spki, this.#hosts);
      this.#pem = chainPem(authority.issuer, der);
      this.#renewAt = (notAfter - (notAfter - systemClock.wall()) / 3) as UnixMs;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new MeshError(
        'ERR_CONFIG',
        `the certificate cannot name ${this.#hosts.join(', ')}: ${error.message}`,
        'host names have to be given at init with --host; addresses and localhost are always possible',
      );
    }
  }
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

/** Names and addresses that clients may have used to come here. */
function hostsOf(listenHost: string): readonly string[] {
  if (!isWildcard(listenHost)) return [listenHost, ...(isLoopback(listenHost) ? ['localhost'] : [])];
  return [...allAddresses(), 'localhost'];
}

/** What goes into tickets: a name of the operator's choice, or an address by which others get here. */
function publicHostOf(opened: OpenAuthority, listenHost: string): string {
  const [named] = opened.config.hosts;
  if (named !== undefined) return named;
  if (!isWildcard(listenHost)) return listenHost;
  return outerAddresses(['IPv4'])[0] ?? '127.0.0.1';
}
