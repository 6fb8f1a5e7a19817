import { BoundedMap } from '../base/bounded.ts';
import { type Bytes, bytesEqual, toBase64Url, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { after, MINUTE_MS, type MonotonicMs, SECOND_MS, type UnixMs } from '../base/time.ts';
import { sha256Hex } from '../crypto/hash.ts';
import { WALLET_ADDRESS_BYTES } from '../crypto/secp256k1/wallet-address.ts';
import { CHALLENGE_BYTES, type Challenge, type ChallengeAnswer, verifyChallenge } from '../message/river/challenge.ts';
import type { Clock } from '../ports/clock.ts';
import type { WalletEpochs } from './wallet-epochs.ts';
import type { Random } from '../ports/random.ts';

/** A challenge can be answered for so long, as with River. */
export const CHALLENGE_MS = 30 * SECOND_MS;

/** A session ends after this, as with River. */
export const SESSION_MS = 30 * MINUTE_MS;

/** Challenges that wait for their answer; with more the oldest is forgotten. Asking costs nothing, so it must not cost us: 2 MB. */
export const CHALLENGES_MAX = 10_000;

/** Sessions at a time; with more the one not used for longest ends. 4 MB. */
export const STREAM_SESSIONS_MAX = 20_000;

const TOKEN_BYTES = 32;

interface Session {
  readonly user: Bytes;
  /** Of the delegate that answered for the user; `undefined` where the wallet itself did. */
  readonly delegateExpiresAtMs: bigint | undefined;
  readonly endsAt: MonotonicMs;
}

/** Sessions by the hash of their tokens, so that no look-up tells by its time how much of a guess was right. */
export class Sessions {
  readonly #sessions = new BoundedMap<string, Session>(STREAM_SESSIONS_MAX);

  begin(token: string, user: Bytes, delegateExpiresAtMs: bigint | undefined, now: MonotonicMs): void {
    const endsAt = after(now, SESSION_MS);
    this.#sessions.set(sha256Hex(token), { user, delegateExpiresAtMs, endsAt });
  }

  /** @throws ERR_SESSION for a token that is none, or of a session that has ended. */
  get(token: string, now: MonotonicMs): Pick<Session, 'user' | 'delegateExpiresAtMs'> {
    const key = sha256Hex(token);
    const session = this.#sessions.get(key);
    if (session === undefined || now >= session.endsAt) {
      this.#sessions.delete(key);
      throw new MeshError('ERR_SESSION', 'this call needs a session');
    }
    return session;
  }
}

interface Pending {
  readonly challenge: Challenge;
  readonly endsAt: MonotonicMs;
}

export interface AuthenticationDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly forever: 'refused' | 'allowed';
  readonly epochs: Pick<WalletEpochs, 'judge'>;
}

/**
 * Lets in users of wallets by challenge and signature. Challenges and sessions are in memory alone: a restart ends them,
 * and clients authenticate again.
 */
export class Authentication {
  readonly #deps: AuthenticationDeps;
  readonly #challenges = new BoundedMap<string, Pending>(CHALLENGES_MAX);
  readonly #sessions = new Sessions();

  constructor(deps: AuthenticationDeps) {
    this.#deps = deps;
  }

  /** @throws ERR_INPUT unless the user is an address that is not zero. */
  start(user: Bytes): Challenge {
    if (user.length !== WALLET_ADDRESS_BYTES || user.every((byte) => byte === 0))
      throw new MeshError('ERR_INPUT', 'user id is no address: expected 20 bytes, not all zero');
    const { mono, wall } = this.#deps.clock.now();
    // Whole seconds are signed: up to a second less than it could be, so that no answer is in time for one side only.
    const expiresAt = (Math.floor((wall + CHALLENGE_MS) / SECOND_MS) * SECOND_MS) as UnixMs;
    const challenge = { bytes: this.#deps.random.bytes(CHALLENGE_BYTES), user, expiresAt };
    this.#challenges.set(toHex(challenge.bytes), { challenge, endsAt: after(mono, expiresAt - wall) });
    return challenge;
  }

  /**
   * Takes the one answer that a challenge may get, right or wrong.
   *
   * @returns the token of a new session.
   * @throws ERR_CHALLENGE_UNKNOWN for one that was never given, was answered, is past its time, or was given to another
   *   user; ERR_WALLET_REVOKED; what verifyChallenge throws.
   */
  finish(bytes: Bytes, user: Bytes, answer: ChallengeAnswer): string {
    const key = toHex(bytes);
    const pending = this.#challenges.peek(key);
    this.#challenges.delete(key);
    const { mono, wall } = this.#deps.clock.now();
    if (pending === undefined || mono >= pending.endsAt || !bytesEqual(pending.challenge.user, user))
      throw new MeshError('ERR_CHALLENGE_UNKNOWN', 'there is no such challenge for this user');
    verifyChallenge(pending.challenge, answer, wall, this.#deps.forever);
    const delegateExpiresAtMs = answer.delegateSig.length > 0 ? answer.delegateExpiryEpochMs : undefined;
    this.#judgeEpoch(user, delegateExpiresAtMs);
    const token = toBase64Url(this.#deps.random.bytes(TOKEN_BYTES));
    this.#sessions.begin(token, user, delegateExpiresAtMs, mono);
    return token;
  }

  /**
   * The user of a session.
   * @throws ERR_SESSION for a token that is none, or of a session that has ended; ERR_WALLET_REVOKED where the delegate that
   *   opened it is.
   */
  userOf(token: string | undefined): Bytes {
    const { user, delegateExpiresAtMs } = this.#sessions.get(token ?? '', this.#deps.clock.monotonic());
    this.#judgeEpoch(user, delegateExpiresAtMs);
    return user;
  }

  #judgeEpoch(user: Bytes, delegateExpiresAtMs: bigint | undefined): void {
    if (delegateExpiresAtMs !== undefined) this.#deps.epochs.judge(user, delegateExpiresAtMs);
  }
}
