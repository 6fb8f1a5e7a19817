import { isMeshError, messageOf } from '../../base/errors.ts';
import { after, DAY_MS, type Instant, MINUTE_MS, type MonotonicMs } from '../../base/time.ts';
import type { Address } from '../../message/payloads/address.ts';
import { parseMessageType } from '../../message/family.ts';
import { LIFETIME_MAX_MS } from '../../message/limits.ts';
import { encodeNodeRecord, type StreamExtent } from '../../message/payloads/node-record.ts';
import type { PublishRequest } from './publisher.ts';

/** A node's record is signed anew this often; it lives {@link LIFETIME_MAX_MS}, so that it is found after a long absence. */
const REFRESH_MS = DAY_MS;
/** A record that could not be signed or was refused is tried again after this. */
const RETRY_MS = MINUTE_MS;

export interface SelfRecordOptions {
  /** A name for people. */
  readonly name: string;
  readonly version: string;
  readonly addresses: readonly Address[];
  /** Whether anything is told at all. */
  readonly isTold: boolean;
  streams(): readonly StreamExtent[];
  /** Has the record signed and sent. @throws ERR_OVERLOADED */
  publish(now: Instant, what: PublishRequest): void;
}

/** What a node tells the mesh of itself: at its start, when its addresses change, and once a day. */
export class SelfRecord {
  readonly #options: SelfRecordOptions;
  #addresses: readonly Address[];
  #dueAt: MonotonicMs | undefined;

  constructor(now: Instant, options: SelfRecordOptions) {
    this.#options = options;
    this.#addresses = options.addresses;
    if (options.isTold) this.#dueAt = now.mono;
  }

  /** Where this node listens. */
  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  setAddresses(now: Instant, addresses: readonly Address[]): void {
    this.#addresses = addresses;
    if (this.#options.isTold) this.#dueAt = now.mono;
  }

  /** The gate did not let it in: most likely the clock is wrong, and will be set. */
  handleRefused(now: Instant): void {
    this.#dueAt = after(now.mono, RETRY_MS);
  }

  deadline(): MonotonicMs | undefined {
    return this.#dueAt;
  }

  handleTimeout(now: Instant): void {
    if (this.#dueAt === undefined || now.mono < this.#dueAt) return;
    this.#dueAt = after(now.mono, REFRESH_MS);
    if (this.#addresses.length === 0) return;
    const { name, version } = this.#options;
    const payload = encodeNodeRecord({ addresses: this.#addresses, name, version, streams: this.#options.streams() });
    try {
      this.#options.publish(now, { type: parseMessageType('record'), payload, ttlMs: LIFETIME_MAX_MS });
    } catch (error) {
      if (!isMeshError(error)) throw new Error(`record: ${messageOf(error)}`, { cause: error });
      this.#dueAt = after(now.mono, RETRY_MS);
    }
  }
}
