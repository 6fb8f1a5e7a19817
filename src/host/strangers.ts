/**
 * Connections of which nothing is known. An honest handshake is over within a second; 512 × ~70 KiB = 35 MiB at
 * most for those that are not.
 */
export const STRANGERS_MAX = 512;
/** Of one address: half-open handshakes of one host leave room for all others. */
export const STRANGERS_PER_ADDRESS_MAX = 64;
/** From the accepted connection to the proof of membership. Whoever never proves any is gone by then. */
export const STRANGER_MS_MAX = 10_000;

interface Stranger {
  readonly address: string;
  readonly drop: () => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connections that have not proved to be a member's: in their handshake, or past it without a certificate. Where
 * there are too many the oldest gives way, not the newest: an honest handshake ends soon and is seldom the oldest,
 * a half-open one is.
 */
export class Strangers {
  readonly #all = new Map<string, Stranger>();
  readonly #byAddress = new Map<string, Set<string>>();

  get size(): number {
    return this.#all.size;
  }

  /** @param key tells this connection from all others; `drop` ends it. */
  admit(key: string, address: string, drop: () => void): void {
    const ofAddress = this.#byAddress.get(address) ?? new Set();
    if (ofAddress.size >= STRANGERS_PER_ADDRESS_MAX) this.#dropOldest(ofAddress);
    else if (this.#all.size >= STRANGERS_MAX) this.#dropOldest(this.#all);
    const timer = setTimeout(() => this.#drop(key), STRANGER_MS_MAX);
    timer.unref();
    this.#all.set(key, { address, drop, timer });
    this.#byAddress.set(address, ofAddress.add(key));
  }

  /** The connection is a member's, or over. */
  leave(key: string): void {
    const stranger = this.#all.get(key);
    if (stranger === undefined) return;
    clearTimeout(stranger.timer);
    this.#all.delete(key);
    const ofAddress = this.#byAddress.get(stranger.address);
    if (ofAddress?.delete(key) === true && ofAddress.size === 0) this.#byAddress.delete(stranger.address);
  }

  dropAll(): void {
    for (const key of Array.from(this.#all.keys())) this.#drop(key);
  }

  #dropOldest(among: ReadonlySet<string> | ReadonlyMap<string, Stranger>): void {
    const oldest = among.keys().next().value;
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(key: string): void {
    const stranger = this.#all.get(key);
    this.leave(key);
    stranger?.drop();
  }
}
