import { MeshError } from '../../base/errors.ts';
import { after, HOUR_MS, SECOND_MS, type UnixMs, unixSeconds } from '../../base/time.ts';
import { checkX509Signature } from '../../crypto/signatures/x509-signature.ts';
import { LIFETIME_MAX_MS } from '../../message/limits.ts';
import { buildCrl } from '../../pki/x509/crl/crl-build.ts';
import { parseCrl } from '../../pki/x509/crl/crl.ts';
import { isStricter, parseRevocationReason, type Revocation } from '../../pki/x509/crl/revocation-reason.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import type { Clock } from '../../ports/clock.ts';
import type { AuthorityStore, CrlRow } from '../../ports/authority-store.ts';
import type { ClockGuard } from '../health/clock-guard.ts';
import { delegationsOf } from '../delegates/branches.ts';
import type { Issuer } from '../issuer.ts';

/**
 * How long after its end a certificate can still be revoked and stays on the list: mail that it signed on its last day
 * lives that long.
 */
export const REVOCATION_KEPT_MS = LIFETIME_MAX_MS + HOUR_MS;

export interface CrlBookPorts {
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly issuer: Issuer;
  readonly clockGuard: ClockGuard;
  readonly crlLifeMs: number;
}

/**
 * The revocation list of this authority's issuing key: built from the store, signed, kept, handed out.
 *
 * Numbers only rise, also over a restored backup: number = max(last + 1, Unix seconds).
 */
export class CrlBook {
  readonly #ports: CrlBookPorts;
  readonly #view = new RevocationView();
  #current: CrlRow;
  #publishing: Promise<CrlRow> = Promise.resolve(undefined as never);
  #next: Promise<CrlRow> | undefined;

  private constructor(ports: CrlBookPorts, current: CrlRow) {
    this.#ports = ports;
    this.#current = current;
    this.#install(current);
  }

  /** Reads the list that was last published, or publishes the first. */
  static async open(ports: CrlBookPorts): Promise<CrlBook> {
    const kept = await ports.store.transact((tx) => tx.findCrl(ports.issuer.keyHash));
    return new CrlBook(ports, kept ?? (await publish(ports)));
  }

  /** The newest list. */
  get current(): CrlRow {
    return this.#current;
  }

  /** What is revoked, as nodes learn it from the lists: judgements here use the same. */
  get revocation(): RevocationView {
    return this.#view;
  }

  /** All of these serials are on the newest list, at least as strictly as this says. */
  covers(serials: readonly string[], asked: Pick<Revocation, 'revokedAt' | 'reason'>): boolean {
    return serials.every((serial) => {
      const listed = this.#view.statusOf(this.#ports.issuer.keyHash, serial);
      return listed !== undefined && !isStricter(asked, listed);
    });
  }

  /**
   * Publishes a list that has all that is revoked by now. Callers that come while one is being signed share the next.
   * @throws ERR_CLOCK_JUMPED
   */
  publishNow(): Promise<CrlRow> {
    this.#next ??= this.#publishing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#publishing = publish(this.#ports).then((row) => this.#install(row));
        return this.#publishing;
      });
    return this.#next;
  }

  /** Publishes anew where half of the list's life is over, so that nodes away for a while still hold a fresh one. */
  async publishIfDue(): Promise<void> {
    const { thisUpdate, nextUpdate } = this.#current;
    if (this.#ports.clock.wall() >= thisUpdate + (nextUpdate - thisUpdate) / 2) await this.publishNow();
  }

  #install(row: CrlRow): CrlRow {
    const { issuer } = this.#ports;
    const result = this.#view.install(parseCrl(row.der), issuer.certificate, checkX509Signature);
    if (result.tag === 'refused')
      throw new MeshError('ERR_STATE_CORRUPT', `the revocation list that was kept does not hold: ${result.reason}`);
    this.#current = row;
    return row;
  }
}

async function publish({ store, clock, issuer, clockGuard, crlLifeMs }: CrlBookPorts): Promise<CrlRow> {
  const now = clock.now();
  clockGuard.check(now);
  const { last, revoked, delegates, delegations } = await store.transact(async (tx) => ({
    last: await tx.findCrl(issuer.keyHash),
    revoked: await tx.listRevoked((now.wall - REVOCATION_KEPT_MS) as UnixMs),
    delegates: await tx.listRevokedDelegates((now.wall - REVOCATION_KEPT_MS) as UnixMs),
    delegations: await delegationsOf(tx, now.wall),
  }));
  const number = Math.max((last?.number ?? 0) + 1, unixSeconds(now.wall));
  const nextUpdate = after(now.wall, crlLifeMs);
  const der = await buildCrl(
    {
      issuer: issuer.certificate,
      number,
      thisUpdate: now.wall,
      nextUpdate,
      entries: [
        ...revoked.map(({ serial, revokedAt, revokedReason }) => ({
          serial,
          revokedAt,
          reason: parseRevocationReason(revokedReason),
        })),
        // A statement's id is drawn like a serial number, and revoked like one.
        ...delegates.map(({ id, revokedAt = now.wall }) => ({ serial: id, revokedAt, reason: 'unspecified' as const })),
      ],
      delegations,
    },
    issuer.signer,
  );
  const row: CrlRow = { issuerKeyHash: issuer.keyHash, number, thisUpdate: now.wall, nextUpdate, der };
  await store.transact(async (tx) => {
    const newest = await tx.findCrl(issuer.keyHash);
    if (newest !== undefined && newest.number >= number)
      throw new MeshError('ERR_INTERNAL', `revocation list ${number} was overtaken by ${newest.number}`);
    await tx.putCrl(row);
    await tx.setMeta('last-signed-at', String(now.wall));
  });
  clockGuard.noteSigned(now);
  return row;
}

/** How often the owner of the book should ask whether a new list is due. */
export const CRL_DUE_CHECK_MS = 30 * SECOND_MS;
