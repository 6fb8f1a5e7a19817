import { MeshError } from '../../base/errors.ts';
import { HOUR_MS, type Instant, MINUTE_MS, toRfc3339, type UnixMs } from '../../base/time.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';

/** How far the wall clock may move against the last signature: more than any leap or slew, less than a working day. */
export const CLOCK_JUMP_MS_MAX = HOUR_MS;

/**
 * How far what the store remembers may lie behind the last signature: nothing beside {@link CLOCK_JUMP_MS_MAX}, and many
 * certificates share one write. @tuning
 */
export const SIGNED_AT_KEPT_MS = MINUTE_MS;

/**
 * Refuses to sign when the wall clock moved by more than {@link CLOCK_JUMP_MS_MAX} against the last signature (T6): a
 * clock set wrong would date certificates and lists so that nobody can take them back.
 *
 * Within a process the monotonic clock says how much time has really passed, so a jump either way is seen. Across a
 * restart only the past can be told: the authority may have been off for months.
 */
export class ClockGuard {
  #lastSignedAt: UnixMs | undefined;
  #seen: Instant | undefined;
  /** The last signature of which the store was told. */
  #keptAt: UnixMs | undefined;

  readonly #issuerEnds: UnixMs;

  /**
   * @param issuer whose key signs: a clock beyond its end is wrong, or nobody believes what is signed.
   * @param lastSignedAt what the store remembers; `undefined` where nothing was signed yet.
   */
  constructor(issuer: Pick<Certificate, 'notAfter'>, lastSignedAt: UnixMs | undefined) {
    this.#issuerEnds = issuer.notAfter;
    this.#lastSignedAt = lastSignedAt;
  }

  /** @throws ERR_CLOCK_JUMPED, ERR_PATH_EXPIRED; call it before each signature. */
  check(now: Instant): void {
    if (now.wall > this.#issuerEnds)
      throw new MeshError(
        'ERR_PATH_EXPIRED',
        `the issuing certificate ended at ${toRfc3339(this.#issuerEnds)}, and the clock shows ${toRfc3339(now.wall)}`,
        'check the clock of the authority',
      );
    const last = this.#lastSignedAt;
    if (last !== undefined && now.wall < last - CLOCK_JUMP_MS_MAX)
      refuse(`it shows ${toRfc3339(now.wall)}, but something was signed at ${toRfc3339(last)}`);
    if (this.#seen === undefined) return;
    const movedMs = now.wall - this.#seen.wall - (now.mono - this.#seen.mono);
    if (Math.abs(movedMs) > CLOCK_JUMP_MS_MAX)
      refuse(`it moved by ${Math.round(movedMs / 1_000)} s against the time that passed`);
  }

  /** The operator says that the clock is right now, wherever it was. */
  accept(now: Instant): void {
    this.#lastSignedAt = now.wall;
    this.#seen = now;
  }

  /** Whether the store should be told of a signature that is made now: not of each of thousands. */
  isWorthKeeping({ wall }: Instant): boolean {
    return this.#keptAt === undefined || Math.abs(wall - this.#keptAt) >= SIGNED_AT_KEPT_MS;
  }

  /** The store was told of it. */
  noteKept({ wall }: Instant): void {
    this.#keptAt = wall;
  }

  /** Something was signed now. */
  noteSigned(now: Instant): void {
    this.#lastSignedAt = now.wall;
    this.#seen = now;
  }
}

function refuse(why: string): never {
  throw new MeshError('ERR_CLOCK_JUMPED', `the clock of the authority jumped: ${why}`);
}
