import type { Server as HttpsServer } from 'node:https';
import { chainPem } from '../../authority/issuer.ts';
import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { tlsServerOptions } from '../../host/tls/server-options.ts';
import { authorityNames } from '../../pki/mesh/mesh-names.ts';
import type { OpenAuthority } from './open.ts';
import { allAddresses, isLoopback, isWildcard } from '../../host/machine/interfaces.ts';

/** The certificate of this server, renewed while it runs. */
export class ServerCertificate {
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

/** Names and addresses that clients may have used to come here. */
function hostsOf(listenHost: string): readonly string[] {
  if (!isWildcard(listenHost)) return [listenHost, ...(isLoopback(listenHost) ? ['localhost'] : [])];
  return [...allAddresses(), 'localhost'];
}
