import { type CheckInResponse, checkInResponseSchema } from '../../api/enrollment.ts';
import type { Bytes } from '../../base/bytes.ts';
import { errorEntry } from '../../base/error-codes.ts';
import { isMeshError, messageOf } from '../../base/errors.ts';
import { type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import {
  AuthorityVisits,
  type ListAnswer,
  type VisitOutcome,
  type VisitsOutbox,
} from '../../engine/authority/visits.ts';
import type { Alarm } from '../../engine/authority/waiting-alarms.ts';
import { callJson, refusalOf } from '../../host/http/call.ts';
import { type ClientRequestOptions, exchange, keptConnection, type TlsTarget } from '../../host/http/client.ts';
import { fetchChangedCrl } from '../../host/http/fetch-crl.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import type { Log } from '../log.ts';

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

/** Tells the visits what came of what they asked. */
type Answer = (now: MonotonicMs) => void;

/** A node's talk with its authority while it runs: {@link AuthorityVisits} says when and what, this has the requests made. */
export class AuthorityContact implements VisitsOutbox {
  readonly #options: AuthorityContactOptions;
  readonly #visits: AuthorityVisits;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** Of the visit under way. */
  #connection = keptConnection();
  #underWay: Promise<void> | undefined;

  constructor(options: AuthorityContactOptions) {
    this.#options = options;
    const { intervalMs, crlNumber, isAlone, crlUrl, target } = options;
    const isListElsewhere = new URL(crlUrl).origin !== new URL(target.endpoint).origin;
    this.#visits = new AuthorityVisits(
      systemClock.monotonic(),
      { intervalMs, random: systemRandom, isListElsewhere, crlNumber, isAlone },
      this,
    );
    this.#setTimer();
  }

  /** Something changed that the authority should hear of. */
  soon(): void {
    this.#visits.handleNews(systemClock.monotonic());
    this.#setTimer();
  }

  /** See {@link AuthorityVisits.handleConflict}. */
  reportConflict(origin: NodeId, kept: Bytes, refused: Bytes): boolean {
    const isNews = this.#visits.handleConflict(systemClock.monotonic(), origin, kept, refused);
    this.#setTimer();
    return isNews;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#underWay;
    this.#connection.destroy();
  }

  // ---- VisitsOutbox --------------------------------------------------------------------------------------------

  checkIn(): void {
    this.#connection = keptConnection();
    this.#ask(async () => {
      const { target, address, crlNumber, version, onPeers } = this.#options;
      const at = address();
      const told = await callJson(target, checkInResponseSchema, {
        ...this.#common,
        method: 'POST',
        path: '/v1/checkin',
        body: { ...(at === undefined ? {} : { address: at }), crl_number: crlNumber(), version },
      });
      onPeers(told.bootstrap_peers);
      return (now) => this.#visits.handleCheckedIn(now, told.crl_number);
    });
  }

  fetchList(etag: string | undefined): void {
    this.#ask(async () => {
      const answer = await this.#fetchedList(etag);
      return (now) => this.#visits.handleList(now, answer);
    });
  }

  showAlarm({ kept, refused }: Alarm): void {
    this.#ask(async () => {
      const { target, log } = this.#options;
      const call = { method: 'POST', path: '/v1/alarms', body: { kept, refused } } as const;
      const answer = await exchange(target, { ...this.#common, ...call });
      const reason = answer.status === 204 ? undefined : refusalOf(answer, target.endpoint).message;
      if (answer.status === 429 || answer.status >= 500) {
        log.debug({ reason, alarms: this.#visits.alarms }, 'alarms are shown again later');
        return (now) => this.#visits.handleAlarmPutOff(now, retryAfterMs(answer.headers['retry-after']));
      }
      if (reason !== undefined) log.warn({ reason }, 'the authority did not take an alarm');
      return (now) => this.#visits.handleAlarmSeen(now);
    });
  }

  visitEnded(outcome: VisitOutcome): void {
    const { log } = this.#options;
    this.#connection.destroy();
    if (outcome.tag === 'done') {
      if (outcome.isBack) log.info('the authority answers again');
      return;
    }
    const { error } = outcome.failure;
    // One that answers and refuses is another matter than one that is away: this node may be revoked.
    const isRefused = isMeshError(error) && [401, 403].includes(errorEntry(error.code).status);
    log[outcome.isFirst ? 'warn' : 'debug'](
      { reason: messageOf(error), ...(isMeshError(error) ? { code: error.code } : {}) },
      isRefused ? 'the authority refuses this node' : 'the authority cannot be reached; going on without it',
    );
  }

  async #fetchedList(etag: string | undefined): Promise<ListAnswer> {
    const { target, crlUrl, onCrl, log } = this.#options;
    const fetched = await fetchChangedCrl(target, crlUrl, etag, this.#common);
    if (fetched === undefined) return { tag: 'unchanged' };
    if (onCrl(fetched.der)) return { tag: 'taken', etag: fetched.etag };
    log.error({ url: crlUrl }, 'what the authority gave is no revocation list of this mesh');
    return { tag: 'foreign' };
  }

  /** What every request of a visit has. */
  get #common(): Pick<ClientRequestOptions, 'signal' | 'connection'> {
    return { signal: this.#stopped.signal, connection: this.#connection };
  }

  // ---- the turn ------------------------------------------------------------------------------------------------

  #ask(call: () => Promise<Answer>): void {
    const failed = (error: unknown): Answer => {
      const isAway = isMeshError(error) && error.code === 'ERR_UNREACHABLE';
      return (now) => this.#visits.handleFailed(now, { isAway, error });
    };
    this.#underWay = call()
      .catch(failed)
      .then((answer) => {
        if (this.#stopped.signal.aborted) return;
        answer(systemClock.monotonic());
        this.#setTimer();
      });
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const at = this.#visits.deadline();
    if (at === undefined || this.#stopped.signal.aborted) return;
    this.#timer = setTimeout(
      () => {
        this.#visits.handleTimeout(systemClock.monotonic());
        this.#setTimer(); // one that fired early finds nothing to do
      },
      Math.max(1, Math.ceil(at - systemClock.monotonic())),
    ).unref();
  }
}

/** What the header asks for; `undefined` where it asks for nothing. */
export function retryAfterMs(header: string | undefined): number | undefined {
  const told = Number(header);
  return Number.isFinite(told) && told > 0 ? told * SECOND_MS : undefined;
}
