import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { decode, encode, type Item, joined } from './cbor-by-hand.ts';

/** Types of frames (spec 04 section 2). */
export const TYPE = {
  hello: 1,
  message: 2,
  have: 3,
  want: 4,
  pull: 5,
  pullSame: 6,
  pullDiffers: 7,
  digest: 8,
  pullDone: 9,
  wantChains: 10,
  chain: 11,
  crls: 12,
  wantCrl: 13,
  crlPiece: 14,
  credit: 15,
  ping: 16,
  pong: 17,
  bye: 18,
  delegate: 19,
} as const;

/** A member's key and certificate in hostile hands, and the mesh that it is of. */
export interface Member {
  readonly nodeId: string;
  readonly mesh: string;
  /** PEM, leaf first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export type Frame = readonly Item[];

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** `length u32 BE ‖ body`. */
export function framed(body: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length);
  return joined([length, body]);
}

export function frameBytes(frame: Frame): Uint8Array {
  return framed(encode(frame));
}

/** The hello of spec 04 section 3, with what is to be wrong in it. */
export function hello(member: Member, changes: Readonly<Record<number, Item>> = {}): Item[] {
  const frame: Item[] = [TYPE.hello, 1, member.mesh, member.nodeId, 'by hand', [], [], 0, 262_144];
  for (const [at, item] of Object.entries(changes)) frame[Number(at)] = item;
  return frame;
}

/**
 * A member's end of a link that follows no rule but those it is told to: raw TLS with a genuine certificate, frames from
 * the spec and not from `src/`.
 */
export class HostileLink {
  readonly socket: TLSSocket;
  readonly heard: Frame[] = [];
  /** Answers pings and pulls, so that it stays linked. */
  isPolite = true;
  #chainsHeard = 0;
  #pending: Uint8Array = new Uint8Array();
  #isClosed = false;
  readonly #closed: Promise<void>;
  readonly #waiting = new Set<() => void>();
  readonly #member: Member | undefined;

  constructor(address: string, member: Member | undefined, options: ConnectionOptions = {}) {
    this.#member = member;
    const at = address.lastIndexOf(':');
    this.socket = connect({
      host: address.slice(0, at),
      port: Number(address.slice(at + 1)),
      ...(member === undefined ? {} : { cert: member.certificate, key: member.key }),
      rejectUnauthorized: false,
      ALPNProtocols: ['dadm-mesh/1'],
      ...options,
    });
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {}); // seen as the end
    this.socket.on('data', (bytes: Uint8Array) => this.#hear(bytes));
    this.#closed = new Promise((resolve) =>
      this.socket.on('close', () => {
        this.#isClosed = true;
        resolve();
        this.#wake();
      }),
    );
  }

  /** Dials, says hello, and waits until the other side's hello has come. */
  static async up(address: string, member: Member, changes: Readonly<Record<number, Item>> = {}): Promise<HostileLink> {
    const link = new HostileLink(address, member);
    link.say(hello(member, changes));
    await link.until(TYPE.hello);
    return link;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why the other side ended it, where it said so. */
  get bye(): string | undefined {
    return this.heard.find(([type]) => type === TYPE.bye)?.[1] as string | undefined;
  }

  say(...frames: readonly Frame[]): void {
    this.raw(joined(frames.map(frameBytes)));
  }

  raw(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Waits for a frame of a type, or the end. @returns the first. */
  async until(type: number, fits: (frame: Frame) => boolean = () => true): Promise<Frame | undefined> {
    for (;;) {
      const found = this.heard.find((frame) => frame[0] === type && fits(frame));
      if (found !== undefined || this.#isClosed) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** @returns the last word of the other side. */
  async untilClosed(): Promise<string | undefined> {
    await this.#closed;
    return this.bye;
  }

  /** Whether the other side still answers: it has judged everything said before by then. */
  async isAlive(): Promise<boolean> {
    const before = this.#chainsHeard;
    this.say([TYPE.wantChains, [sha256(this.#chain()[0] ?? new Uint8Array())]]);
    while (!this.#isClosed && this.#chainsHeard === before)
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return !this.#isClosed;
  }

  /** Waits until the system has taken what was written. */
  async drained(): Promise<void> {
    if (this.socket.writableNeedDrain) await Promise.race([once(this.socket, 'drain'), this.#closed]);
  }

  /** What was heard so far is no more than a waste of memory. */
  forget(): void {
    this.heard.length = 0;
  }

  end(): void {
    this.socket.destroy();
  }

  #hear(bytes: Uint8Array): void {
    this.#pending = joined([this.#pending, bytes]);
    for (;;) {
      if (this.#pending.length < 4) break;
      const end = 4 + new DataView(this.#pending.buffer, this.#pending.byteOffset).getUint32(0);
      if (this.#pending.length < end) break;
      this.#handle(decode(this.#pending.slice(4, end)) as Frame);
      this.#pending = this.#pending.subarray(end);
    }
    this.#wake();
  }

  #handle(frame: Frame): void {
    this.heard.push(frame);
    if (frame[0] === TYPE.chain) this.#chainsHeard++;
    if (!this.isPolite) return;
    const [type, first] = frame;
    if (type === TYPE.ping) this.say([TYPE.pong]);
    else if (type === TYPE.pull) this.say([TYPE.pullSame, first as number]);
    else if (type === TYPE.wantChains) this.say([TYPE.chain, this.#chain()]);
  }

  /** DER, leaf first. */
  #chain(): Uint8Array[] {
    const blocks = this.#member?.certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    return blocks.map((pem) => new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')));
  }

  #wake(): void {
    const waiting = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
