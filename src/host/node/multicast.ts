import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { BoundedMap } from '../../base/bounded.ts';
import { isMeshError } from '../../base/errors.ts';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import { MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import { type Address, formatAddress } from '../../message/payloads/address.ts';
import {
  type Announcement,
  ANNOUNCEMENT_BYTES,
  encodeAnnouncement,
  parseAnnouncement,
} from '../../message/announcement.ts';
import type { Clock } from '../../ports/clock.ts';
import { jittered, type Random } from '../../ports/random.ts';

/** Of the administratively scoped block (RFC 2365): it stays on the site, and with a TTL of 1 on the wire. */
export const MULTICAST_GROUP = '239.255.67.77';
export const MULTICAST_PORT = 8441;
const MULTICAST_TTL = 1;

/** Between two announcements without any cause. */
export const ANNOUNCE_MS = 30 * SECOND_MS;
/** Between two announcements whatever the cause: a newcomer is answered, a hundred are answered at once. */
const ANNOUNCE_GAP_MS = SECOND_MS;
/**
 * Announcements that are believed: anybody on the wire can send them, and a node that lacks links dials each, at half a
 * millisecond and some garbage. A few are enough to find a mesh, and its nodes say it again twice a minute.
 */
export const HEARD_RATE: BucketRate = Object.freeze({ tokensPerSecond: 10, burstTokens: 100 });
/** Places heard of lately, which are not told again. */
export const HEARD_MAX = 512;
/** A place that was heard of is told again after this, in case it was lost meanwhile. */
const TELL_AGAIN_MS = 5 * MINUTE_MS;

export interface MulticastOptions {
  readonly announcement: Announcement;
  /** IPv4 addresses of the interfaces to speak and listen on. */
  readonly interfaces: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** Somebody may listen there: a candidate, no more. `tag` is what it says of itself. */
  readonly onHeard: (address: Address, tag: Announcement['tag']) => void;
  /** What became of an interface that cannot do it. */
  readonly onTrouble: (error: unknown) => void;
  /** Another UDP port than {@link MULTICAST_PORT}. */
  readonly port?: number;
}

interface Heard {
  readonly tag: string;
  readonly toldAt: MonotonicMs;
}

/**
 * Announces a node on the local network and hears others that do (seed 002, S2.13). Says and learns nothing but that
 * something listens on a port; rate-limited both ways; what is malformed is passed over.
 */
export class Multicast {
  readonly #options: MulticastOptions;
  readonly #socket: Socket;
  readonly #budget: TokenBucket;
  readonly #heard = new BoundedMap<Address, Heard>(HEARD_MAX);
  #announcedAt: MonotonicMs | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: MulticastOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#budget = new TokenBucket(HEARD_RATE, options.clock.monotonic());
    socket.on('message', (bytes, from) => this.#handleDatagram(bytes, from));
    socket.on('error', options.onTrouble);
    socket.unref();
  }

  /** Starts to listen and announces at once. Rejects where the port cannot be shared. */
  static async open(options: MulticastOptions): Promise<Multicast> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port: options.port ?? MULTICAST_PORT, address: MULTICAST_GROUP }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    socket.setMulticastTTL(MULTICAST_TTL);
    socket.setMulticastLoopback(true); // other nodes on this machine are nodes too
    for (const address of options.interfaces) {
      try {
        socket.addMembership(MULTICAST_GROUP, address);
      } catch (error) {
        options.onTrouble(error);
      }
    }
    const multicast = new Multicast(options, socket);
    multicast.#announce();
    return multicast;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #handleDatagram(bytes: Uint8Array, from: RemoteInfo): void {
    const now = this.#options.clock.monotonic();
    // What cannot be one takes no place from those that can.
    if (bytes.length !== ANNOUNCEMENT_BYTES || !this.#budget.take(now)) return;
    let announcement: Announcement;
    try {
      announcement = parseAnnouncement(bytes);
    } catch (error) {
      if (isMeshError(error)) return;
      throw error;
    }
    const tag = announcement.tag.toHex();
    if (tag === this.#options.announcement.tag.toHex()) return; // our own, looped back
    const address = formatAddress(from.address, announcement.port);
    const before = this.#heard.get(address);
    if (before?.tag === tag && now < before.toldAt + TELL_AGAIN_MS) return;
    this.#heard.set(address, { tag, toldAt: now });
    this.#options.onHeard(address, announcement.tag);
    if (before?.tag !== tag) this.#announceSoon(); // it is new here, and has not heard of us
  }

  #announceSoon(): void {
    const now = this.#options.clock.monotonic();
    const earliestAt = (this.#announcedAt ?? now) + ANNOUNCE_GAP_MS;
    this.#schedule(Math.max(0, earliestAt - now));
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(), delayMs);
    this.#timer.unref();
  }

  #announce(): void {
    const { announcement, clock, random, interfaces } = this.#options;
    this.#announcedAt = clock.monotonic();
    this.#schedule(jittered(random, ANNOUNCE_MS, 0.3));
    this.#sendFrom(interfaces, encodeAnnouncement(announcement));
  }

  /** One interface after another: which one a datagram leaves by is a setting of the socket. */
  #sendFrom([first, ...others]: readonly string[], datagram: Uint8Array): void {
    if (first === undefined || this.#isClosed) return;
    try {
      this.#socket.setMulticastInterface(first);
      this.#socket.send(datagram, this.#options.port ?? MULTICAST_PORT, MULTICAST_GROUP, (error) => {
        if (error !== null) this.#options.onTrouble(error);
        this.#sendFrom(others, datagram);
      });
    } catch (error) {
      this.#options.onTrouble(error); // an interface that went away
      this.#sendFrom(others, datagram);
    }
  }
}
