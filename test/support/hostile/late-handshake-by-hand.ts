import { createCipheriv, createHmac } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** The one suite that is spoken here, for `ciphers`. */
export const SUITE = 'TLS_AES_128_GCM_SHA256';

/**
 * One side of a TLS 1.3 connection that changes its key, or gives session tickets, again and again (RFC 8446 section 4.6),
 * which no library lets a program do: records made by hand and written below the TLS of Node.js. Nothing else can be said on
 * it afterwards.
 */
export class LateHandshake {
  readonly #raw: Socket;
  #secret: Buffer;
  #sequence: number;

  /**
   * @param raw the TCP connection.
   * @param line of the key log, with the first secret of application data of this side.
   * @param sent records that were sent under it already.
   */
  constructor(raw: Socket, line: Buffer, sent = 0) {
    this.#raw = raw;
    this.#secret = Buffer.from(line.toString().trim().split(' ')[2] as string, 'hex');
    this.#sequence = sent;
  }

  changeKeys(count: number): void {
    this.#send(count, () => {
      const record = this.#record(Buffer.of(24, 0, 0, 1, 0)); // key_update, not requested
      this.#secret = this.#expand('traffic upd', 32);
      this.#sequence = 0;
      return record;
    });
  }

  giveTickets(count: number): void {
    this.#send(count, (n) => {
      const ticket = Buffer.from(`a ticket of sixteen bytes or more ${n}`);
      const length = ticket.length;
      const body = Buffer.concat([Buffer.of(0, 0, 1, 0, 0, 0, 0, n, 1, n, 0, length), ticket, Buffer.of(0, 0)]);
      return this.#record(Buffer.concat([Buffer.of(4, 0, 0, body.length), body]));
    });
  }

  #send(count: number, next: (n: number) => Buffer): void {
    const { fd } = (this.#raw as unknown as { _handle: { fd: number } })._handle;
    writeSync(fd, Buffer.concat(Array.from({ length: count }, (_, n) => next(n))));
  }

  #record(message: Buffer): Buffer {
    const nonce = this.#expand('iv', 12);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence++) >>> 0, 8);
    const content = Buffer.concat([message, Buffer.of(22)]); // a handshake message
    const head = Buffer.of(23, 3, 3, 0, content.length + 16);
    const cipher = createCipheriv('aes-128-gcm', this.#expand('key', 16), nonce).setAAD(head);
    return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  }

  /** HKDF-Expand-Label, of no more than one block. */
  #expand(label: string, length: number): Buffer {
    const name = Buffer.from(`tls13 ${label}`);
    const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
    return createHmac('sha256', this.#secret).update(info).digest().subarray(0, length);
  }
}
