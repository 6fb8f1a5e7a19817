import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { concatBytes } from '../../src/base/bytes.ts';
import { splitAddress } from '../../src/message/payloads/address.ts';
import type { TlsIdentity } from '../../src/host/tls/server-options.ts';

/** A TLS connection without any manners, for tests that break rules. */
export class RawTls {
  readonly socket: TLSSocket;
  readonly #received: Uint8Array[] = [];
  readonly #closed: Promise<unknown>;

  constructor(address: string, identity: TlsIdentity | undefined, options: ConnectionOptions = {}) {
    const { host, port } = splitAddress(address);
    this.socket = connect({
      host,
      port,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
      rejectUnauthorized: false,
      ALPNProtocols: ['dadm-mesh/1'],
      ...options,
    });
    this.socket.on('error', () => {}); // seen as the end
    this.socket.on('data', (bytes: Uint8Array) => this.#received.push(bytes));
    this.#closed = new Promise((resolve) => this.socket.on('close', resolve));
  }

  /** Everything that the other side said, until now. */
  get received(): Uint8Array {
    return concatBytes(...this.#received);
  }

  /** The handshake as the client sees it; in TLS 1.3 the server may still refuse. */
  async secured(): Promise<void> {
    await once(this.socket, 'secureConnect');
  }

  async untilReceived(bytes: number): Promise<void> {
    while (this.received.length < bytes) await once(this.socket, 'data');
  }

  /** @returns what was received before the other side closed. */
  async untilClosed(): Promise<Uint8Array> {
    await this.#closed;
    return this.received;
  }
}

/** A TCP connection that has not said anything. */
export async function rawTcp(address: string): Promise<Socket> {
  const { host, port } = splitAddress(address);
  const socket = connectTcp({ host, port });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
