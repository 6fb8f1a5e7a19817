import { type CheckInResponse, checkInResponseSchema } from '../../api/authority.ts';
import type { Bytes } from '../../base/bytes.ts';
import { errorEntry } from '../../base/error-codes.ts';
import { isMeshError, messageOf } from '../../base/errors.ts';
import { after, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../base/time.ts';
import {
  type ClientAnswer,
  type ClientRequestOptions,
  exchange,
  keptConnection,
  type TlsTarget,
} from '../../host/http/client.ts';
import { callJson, refusalOf } from '../../host/http/call.ts';
import { fetchChangedCrl } from '../../host/http/fetch-crl.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/address.ts';
import { jittered } from '../../ports/random.ts';
import type { Log } from '../log.ts';
import { WaitingAlarms } from './waiting-alarms.ts';

/** An authority that does not answer is asked this seldom at last, or at the configured interval where that is longer. @tuning */
const BACKOFF_MS_MAX = 5 * MINUTE_MS;
/** A node without a peer asks this soon again, then half as often each time: somebody may have come meanwhile. @tuning */
const ALONE_MS_MIN = SECOND_MS;
/** News from elsewhere is told to the authority within this time, each node at another moment. @tuning */
const SOON_MS_MAX = SECOND_MS;
/** The longest that an authority can put off alarms. */
export const RETRY_AFTER_MS_MAX = HOUR_MS;
/** So that a fleet that was started at once does not ask at once for ever. */
const JITTER_FRACTION = 0.2;

export interface AuthorityContactOptions {
  /** The authority, with this node's certificate as the client's. */
  readonly target: TlsTarget;
  readonly crlUrl: string;
  readonly intervalMs: number;
  readonly version: string;
  readonly log: Log;
  /** Where this node wants to be found. */
  readonly address: () => Address | undefined;
  /** Number of the newest list that this node enforces. */
  readonly crlNumber: () => number;
  readonly isAlone: () => boolean;
  /** @returns whether it is a list of this mesh. */
  readonly onCrl: (der: Bytes) => boolean;
  readonly onPeers: (peers: CheckInResponse['bootstrap_peers']) => void;
}

/**
 * What a node has to do with its authority while it runs: check in, so that operators see who enforces what and other
 * nodes hear where this one is, and fetch the revocation list where it changed. A node without its authority goes on.
 */
export class AuthorityContact {
  readonly #options: AuthorityContactOptions;
  readonly #stopped = new AbortController();
  #etag: string | undefined;
  /** What the authority called its newest list when this node last had what is published. */
  #crlTold: number | undefined;
  readonly #alarms = new WaitingAlarms();
  #failures = 0;
  #alone = 0;
  #isWantedAgain = false;
  /** No conflict is shown before this: the authority asked to be left alone. */
  #conflictsAt = systemClock.monotonic();
  #timer: NodeJS.Timeout | undefined;
  /** Of the visit under way. */
  #connection = keptConnection();
  #underWay: Promise<void> | undefined;

  constructor(options: AuthorityContactOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  /** Something changed that the authority should hear of. */
  soon(): void {
    if (this.#underWay === undefined) this.#schedule(systemRandom.below(SOON_MS_MAX));
    else this.#isWantedAgain = true;
  }

  /**
   * Two messages under one id: the authority is shown both at the next visit, see {@link WaitingAlarms}.
   * @returns false where that is known well enough.
   */
  reportConflict(origin: NodeId, kept: Bytes, refused: Bytes): boolean {
    const isNews = this.#alarms.add(systemClock.monotonic(), origin, kept, refused);
    if (isNews) this.soon();
    return isNews;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#underWay;
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#underWay = this.#visit().finally(() => {
        this.#underWay = undefined;
        if (!this.#stopped.signal.aborted) this.#schedule(this.#nextDelayMs());
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #visit(): Promise<void> {
    const { log } = this.#options;
    this.#connection = keptConnection();
    try {
      await this.#hearOfRevocations();
      await this.#showConflicts();
      if (this.#failures > 0) log.info('the authority answers again');
      this.#failures = 0;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#failures++;
      // One that answers and refuses is another matter than one that is away: this node may be revoked.
      const isRefused = isMeshError(error) && [401, 403].includes(errorEntry(error.code).status);
      log[this.#failures === 1 ? 'warn' : 'debug'](
        { reason: messageOf(error), ...(isMeshError(error) ? { code: error.code } : {}) },
        isRefused ? 'the authority refuses this node' : 'the authority cannot be reached; going on without it',
      );
    } finally {
      this.#connection.destroy();
    }
  }

  #nextDelayMs(): number {
    const isSoon = this.#isWantedAgain && this.#failures === 0;
    this.#isWantedAgain = false;
    if (isSoon) return systemRandom.below(SOON_MS_MAX);
    const delayMs = jittered(systemRandom, this.#intervalMs(), JITTER_FRACTION);
    if (this.#alarms.size === 0 || this.#failures > 0) return delayMs;
    return Math.min(delayMs, Math.max(1, this.#conflictsAt - systemClock.monotonic()));
  }

  #intervalMs(): number {
    const { intervalMs, isAlone } = this.#options;
    if (this.#failures > 0)
      return Math.min(Math.max(BACKOFF_MS_MAX, intervalMs), intervalMs * 2 ** Math.min(this.#failures - 1, 16));
    if (!isAlone()) {
      this.#alone = 0;
      return intervalMs;
    }
    return Math.min(intervalMs, ALONE_MS_MIN * 2 ** Math.min(this.#alone++, 16));
  }

  /**
   * Where nothing has changed, the check-in says so, and the visit is one request. Who cannot check in, because the
   * authority refuses it or has no answer to that, asks for the list all the same: it may say why.
   */
  async #hearOfRevocations(): Promise<void> {
    let told: number;
    try {
      told = await this.#checkIn();
    } catch (error) {
      this.#crlTold = undefined;
      if (!this.#isAway(error)) await this.#fetchCrl();
      throw error;
    }
    if (told === this.#crlTold) return;
    const hasIt = (await this.#fetchCrl()) && this.#options.crlNumber() >= told; // a mirror may come after it
    this.#crlTold = hasIt ? told : undefined;
  }

  /** @returns whether this node has what is published. */
  async #fetchCrl(): Promise<boolean> {
    const { target, crlUrl, onCrl, log } = this.#options;
    const fetched = await fetchChangedCrl(target, crlUrl, this.#etag, this.#common);
    if (fetched === undefined) return true;
    const isOurs = onCrl(fetched.der);
    if (isOurs) this.#etag = fetched.etag;
    else log.error({ url: crlUrl }, 'what the authority gave is no revocation list of this mesh');
    return isOurs;
  }

  /** @returns the number of the newest list. */
  async #checkIn(): Promise<number> {
    const { target, address, crlNumber, version, onPeers } = this.#options;
    const at = address();
    const told = await callJson(target, checkInResponseSchema, {
      ...this.#common,
      method: 'POST',
      path: '/v1/checkin',
      body: { ...(at === undefined ? {} : { address: at }), crl_number: crlNumber(), version },
    });
    onPeers(told.bootstrap_peers);
    return told.crl_number;
  }

  /** Whether nobody answered where the list is as well. */
  #isAway(error: unknown): boolean {
    const { target, crlUrl } = this.#options;
    const isSilent = isMeshError(error) && error.code === 'ERR_UNREACHABLE';
    return isSilent && new URL(crlUrl).origin === new URL(target.endpoint).origin;
  }

  async #showConflicts(): Promise<void> {
    const { target, log } = this.#options;
    if (systemClock.monotonic() < this.#conflictsAt) return;
    for (let alarm = this.#alarms.first; alarm !== undefined; alarm = this.#alarms.first) {
      const { kept, refused } = alarm;
      const call = { method: 'POST', path: '/v1/alarms', body: { kept, refused } } as const;
      const answer = await exchange(target, { ...this.#common, ...call });
      if (answer.status === 429 || answer.status >= 500) return this.#showConflictsLater(answer);
      this.#alarms.handleShown(systemClock.monotonic());
      if (answer.status !== 204)
        log.warn({ reason: refusalOf(answer, target.endpoint).message }, 'the authority did not take an alarm');
    }
  }

  /** An alarm that is not taken now is kept: it may be the only one that says whose key was copied. */
  #showConflictsLater(answer: ClientAnswer): void {
    const { log, intervalMs, target } = this.#options;
    this.#conflictsAt = after(systemClock.monotonic(), retryAfterMs(answer.headers['retry-after']) ?? intervalMs);
    log.debug(
      { reason: refusalOf(answer, target.endpoint).message, alarms: this.#alarms.size },
      'alarms are shown again later',
    );
  }

  /** What every request of a visit has. */
  get #common(): Pick<ClientRequestOptions, 'signal' | 'connection'> {
    return { signal: this.#stopped.signal, connection: this.#connection };
  }
}

/** What the header asks for, as far as it is followed; `undefined` where it asks for nothing. */
export function retryAfterMs(header: string | undefined): number | undefined {
  const told = Number(header);
  return Number.isFinite(told) && told > 0 ? Math.min(told * SECOND_MS, RETRY_AFTER_MS_MAX) : undefined;
}
