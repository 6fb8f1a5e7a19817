import type { Bytes } from '../base/bytes.ts';
import { HOUR_MS, type Instant, type UnixMs } from '../base/time.ts';
import { keepChainUntil } from '../engine/gate/chain-book.ts';
import type { CrlSync, HeldCrl } from '../engine/gossip/crl-sync.ts';
import type { Origins } from '../engine/gate/origins.ts';
import type { CrlPromise, Revocations } from '../engine/gate/revocations.ts';
import { LIFETIME_MAX_MS } from '../message/limits.ts';
import type { Certificate } from '../pki/x509/certificate/certificate.ts';
import { parseRevocationReason, type Revocation } from '../pki/x509/crl/revocation-reason.ts';
import type { KeptRevocation, RestoredNode } from '../ports/node-store.ts';
import type { Holdings } from './keeping/holdings.ts';
import type { Journal } from './keeping/journal.ts';
import type { Neighbourhood } from './peers/neighbourhood.ts';
import type { NodeOutbox } from './node-outbox.ts';
import type { SignedTime } from './time/signed-time.ts';

export interface EnforcementParts {
  readonly revocations: Revocations;
  readonly origins: Origins;
  readonly holdings: Holdings;
  readonly neighbourhood: Neighbourhood;
  readonly journal: Journal;
  readonly outbox: NodeOutbox;
  readonly crls: Pick<CrlSync, 'announce'>;
  readonly signedTime: SignedTime;
}

/**
 * Makes a revocation an effect: links close, mail goes, tables forget (spec 07 section 5). What is revoked stays so
 * while it is kept, over restarts too and whatever later lists leave out: an authority that was put back from an old
 * backup, or whose key was stolen, signs lists that are newer and emptier.
 */
export class Enforcement {
  readonly #parts: EnforcementParts;

  constructor(parts: EnforcementParts) {
    this.#parts = parts;
  }

  /** Takes back what the store kept, before any mail is judged. */
  restore(
    now: Instant,
    {
      crls,
      revocations: kept,
      epochFloor,
      walletFloors,
    }: Pick<RestoredNode, 'crls' | 'revocations' | 'epochFloor' | 'walletFloors'>,
  ): void {
    const { revocations, signedTime } = this.#parts;
    revocations.delegations.raise(epochFloor, walletFloors);
    for (const der of crls) {
      const outcome = revocations.install(der);
      if (outcome.tag === 'installed') signedTime.handleSigned(now, outcome.thisUpdate);
    }
    for (const { issuerKeyHash, serial, revokedAt, reason, keepUntil } of kept)
      revocations.keep(issuerKeyHash, { serial, revokedAt, reason: parseRevocationReason(reason) }, keepUntil);
  }

  /**
   * @param promised which list a peer promised, where it came from one: see {@link Revocations.install}.
   * @returns whether it is a list of an issuer of this mesh; a list no newer than ours is fine and changes nothing.
   */
  install(now: Instant, der: Bytes, promised?: CrlPromise): boolean {
    const { revocations, journal, outbox, crls, signedTime } = this.#parts;
    const outcome = revocations.install(der, promised);
    if (outcome.tag !== 'installed') return outcome.tag === 'current';
    const { issuerKeyHash, number, thisUpdate, dropped, forgotten, raised } = outcome;
    signedTime.handleSigned(now, thisUpdate);
    const { kept, live } = this.#keep(now.wall, issuerKeyHash, dropped);
    journal.add({ tag: 'put-crl', issuerKeyHash, der, kept });
    const { current, walletFloors } = revocations.delegations;
    if (raised.epochFloor) journal.add({ tag: 'put-epoch-floor', epochFloor: current.epochFloor });
    if (raised.walletFloors) journal.add({ tag: 'put-wallet-floors', walletFloors });
    if (forgotten.length > 0) journal.add({ tag: 'drop-revocations', issuerKeyHash, serials: forgotten });
    outbox.event({ tag: 'crl', issuerKeyHash, number, droppedLive: live });
    this.#enforce(now);
    crls.announce();
    return true;
  }

  /** Lets go of revocations that nothing can come up against any more. */
  sweep(now: Instant): void {
    for (const [issuerKeyHash, serials] of this.#parts.revocations.letGo(now.wall))
      this.#parts.journal.add({ tag: 'drop-revocations', issuerKeyHash, serials });
  }

  crls(): readonly HeldCrl[] {
    return this.#parts.revocations.crls();
  }

  /** Who signed a list that is held. */
  issuerOf(issuerKeyHash: string): Certificate | undefined {
    return this.#parts.revocations.issuerOf(issuerKeyHash);
  }

  /** Revocations in force that the newest list of the issuer does not name. */
  keptOf(issuerKeyHash: string): number {
    return this.#parts.revocations.keptOf(issuerKeyHash);
  }

  #enforce(now: Instant): void {
    const { origins, holdings, neighbourhood } = this.#parts;
    neighbourhood.closeCondemned(now);
    holdings.dropRevoked(origins);
    for (const nodeId of origins.chains.revokedNodes()) neighbourhood.forget(nodeId);
  }

  /**
   * What the new list left out is kept for as long as it can matter: a lifetime and an hour beyond the end of the
   * certificate, or of its issuer where we never saw the certificate.
   *
   * @returns `live`: serials that no honest list leaves out yet. Of a certificate that we never saw that is said while
   *   its revocation is younger than a lifetime.
   */
  #keep(
    wall: UnixMs,
    issuerKeyHash: string,
    dropped: readonly Revocation[],
  ): { readonly kept: readonly KeptRevocation[]; readonly live: readonly string[] } {
    const { revocations, origins } = this.#parts;
    const kept: KeptRevocation[] = [];
    const live: string[] = [];
    if (dropped.length === 0) return { kept, live };
    const ends = origins.chains.endsOf(issuerKeyHash);
    const issuerEnds = revocations.endOfIssuer(issuerKeyHash) ?? wall;
    for (const revocation of dropped) {
      const { serial, revokedAt, reason } = revocation;
      const end = ends.get(serial);
      const keepUntil = keepChainUntil({ notAfter: end ?? issuerEnds });
      const liveUntil = end === undefined ? revokedAt + LIFETIME_MAX_MS + HOUR_MS : keepUntil;
      if (liveUntil > wall) live.push(serial);
      revocations.keep(issuerKeyHash, revocation, keepUntil);
      kept.push({ issuerKeyHash, serial, revokedAt, reason, keepUntil });
    }
    return { kept, live };
  }
}
