import type { Bytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { type UnixMs, unixSeconds } from '../../base/time.ts';
import type { Certificate, SerialHex } from '../../pki/x509/certificate/certificate.ts';
import { type Crl, isSealedBy, parseCrl } from '../../pki/x509/crl/crl.ts';
import { isSameName } from '../../pki/x509/name/distinguished-name.ts';
import type { Trust } from '../../pki/mesh/judge.ts';
import type { Revocation } from '../../pki/x509/crl/revocation-reason.ts';
import { RevocationView } from '../../pki/mesh/revocation-view.ts';
import type { HeldCrl } from '../gossip/crl-sync.ts';
import { DelegationsView } from './delegations-view.ts';

/** Issuing certificates remembered, to verify lists with: the root and its intermediates while keys roll over. */
export const ISSUERS_MAX = 16;

export type CrlOutcome =
  | {
      readonly tag: 'installed';
      readonly issuerKeyHash: string;
      readonly number: number;
      /** When its issuer signed it. */
      readonly thisUpdate: UnixMs;
      /** Of the list before, and not repeated by this one as strictly. They stay until {@link Revocations.letGo}. */
      readonly dropped: readonly Revocation[];
      /** Serials that stayed until now, and gave way to others that were dropped. */
      readonly forgotten: readonly SerialHex[];
      /** Floors of delegates that rose: they stay, whatever later lists say. */
      readonly raised: { readonly epochFloor: boolean; readonly walletFloors: boolean };
    }
  | { readonly tag: 'current' }
  | { readonly tag: 'refused'; readonly reason: string };

/** Which list a peer promised: of this issuer, with this number. */
export type CrlPromise = Pick<HeldCrl, 'issuerKeyHash' | 'number'>;

interface Kept extends Revocation {
  readonly issuerKeyHash: string;
  readonly keepUntil: UnixMs;
}

/** What a node knows to be revoked, and by whom it lets itself be told. */
export class Revocations {
  readonly view = new RevocationView();
  /** What the same lists say of delegates. */
  readonly delegations = new DelegationsView();
  readonly #trust: Trust;
  readonly #issuers = new Map<string, Certificate>();
  readonly #keptUntil = new Map<string, Kept>();
  #nextEnd = Number.POSITIVE_INFINITY;
  #version = 0;

  constructor(trust: Trust) {
    this.#trust = trust;
    for (const anchor of trust.anchors) this.#issuers.set(anchor.keyHash, anchor);
  }

  /** Rises with every list that is taken: judgements made under an older version are made again. */
  get version(): number {
    return this.#version;
  }

  /** Learns the issuers of a chain that has been judged: they may revoke what they issued. */
  learnIssuers(judgedChain: readonly Certificate[]): void {
    for (const issuer of judgedChain.slice(1))
      if (this.#issuers.size < ISSUERS_MAX) this.#issuers.set(issuer.keyHash, issuer);
  }

  /** The certificate that lists of this issuer are verified with. */
  issuerOf(issuerKeyHash: string): Certificate | undefined {
    return this.#issuers.get(issuerKeyHash);
  }

  /** Whether a list of this issuer could be verified here. */
  knowsIssuer(issuerKeyHash: string): boolean {
    return this.#issuers.has(issuerKeyHash);
  }

  /**
   * Takes a list where an issuer that we know signed it and it is newer than ours.
   *
   * @param promised what a peer said that it would send, where it came from one: another list is refused, and one that its
   *   issuer did not sign before it is read, because reading costs most (T17).
   */
  install(der: Bytes, promised?: CrlPromise): CrlOutcome {
    if (promised !== undefined) {
      const issuer = this.#issuers.get(promised.issuerKeyHash);
      if (issuer === undefined || !isSealedBy(der, issuer, this.#trust.checkSignature))
        return { tag: 'refused', reason: 'not signed by its issuer' };
    }
    let crl: Crl;
    try {
      crl = parseCrl(der);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return { tag: 'refused', reason: error.message };
    }
    if (promised !== undefined && crl.number !== BigInt(promised.number))
      return { tag: 'refused', reason: 'not the list that was promised' };
    let refusal = 'no known issuer';
    for (const issuer of this.#issuers.values()) {
      if (!isSameName(issuer.subject, crl.issuer)) continue;
      if (promised !== undefined && issuer.keyHash !== promised.issuerKeyHash) continue;
      const result = this.view.install(crl, issuer, this.#trust.checkSignature);
      if (result.tag === 'ignored') return { tag: 'current' };
      if (result.tag === 'refused') {
        refusal = result.reason;
        continue;
      }
      this.#version++;
      const raised = this.delegations.install(issuer.keyHash, crl.delegations);
      const { dropped, forgotten } = result;
      for (const serial of forgotten) this.#keptUntil.delete(keyOf(issuer.keyHash, serial));
      return {
        tag: 'installed',
        issuerKeyHash: issuer.keyHash,
        number: Number(crl.number),
        thisUpdate: crl.thisUpdate,
        dropped,
        forgotten,
        raised,
      };
    }
    return { tag: 'refused', reason: refusal };
  }

  /**
   * A revocation that no list of its issuer need name any more stays in force until then.
   * It comes from the store, or was `dropped` by {@link install}.
   */
  keep(issuerKeyHash: string, revocation: Revocation, keepUntil: UnixMs): void {
    if (!this.view.keep(issuerKeyHash, revocation)) return;
    this.#keptUntil.set(keyOf(issuerKeyHash, revocation.serial), { issuerKeyHash, ...revocation, keepUntil });
    if (keepUntil < this.#nextEnd) this.#nextEnd = keepUntil;
    this.#version++;
  }

  /** Revocations that are in force though the newest list does not name them. */
  keptOf(issuerKeyHash: string): number {
    let count = 0;
    for (const kept of this.#keptUntil.values()) if (kept.issuerKeyHash === issuerKeyHash) count++;
    return count;
  }

  /** Lets go of what was kept until now. @returns the serials, by issuer. */
  letGo(wall: UnixMs): ReadonlyMap<string, readonly SerialHex[]> {
    const ended = new Map<string, SerialHex[]>();
    if (wall < this.#nextEnd) return ended;
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const [key, { issuerKeyHash, serial, keepUntil }] of this.#keptUntil) {
      if (keepUntil > wall) {
        this.#nextEnd = Math.min(this.#nextEnd, keepUntil);
        continue;
      }
      this.#keptUntil.delete(key);
      this.view.forget(issuerKeyHash, serial);
      const serials = ended.get(issuerKeyHash);
      if (serials === undefined) ended.set(issuerKeyHash, [serial]);
      else serials.push(serial);
    }
    if (ended.size > 0) this.#version++;
    return ended;
  }

  /** When nothing can be accepted any more that this issuer certified, where we know it. */
  endOfIssuer(issuerKeyHash: string): UnixMs | undefined {
    return this.#issuers.get(issuerKeyHash)?.notAfter;
  }

  /** Whether any certificate of the chain is on a list, for whatever reason. */
  concerns(chain: readonly Certificate[]): boolean {
    return chain.some((certificate, depth) => {
      const above = chain[depth + 1];
      const issuers = above === undefined ? this.#trust.anchors : [above];
      return issuers.some((issuer) => this.view.statusOf(issuer.keyHash, certificate.serial) !== undefined);
    });
  }

  /** Whether a delegate statement of this id is on a list, whoever of the authority's keys signed that. */
  isRevokedId(id: string): boolean {
    for (const issuerKeyHash of this.#issuers.keys())
      if (this.view.statusOf(issuerKeyHash, id) !== undefined) return true;
    return false;
  }

  /** The lists held, for peers. */
  crls(): HeldCrl[] {
    const held: HeldCrl[] = [];
    for (const { issuerKeyHash, number } of this.view.crlNumbers()) {
      const crl = this.view.crlOf(issuerKeyHash);
      if (crl !== undefined)
        held.push({ issuerKeyHash, number, thisUpdate: unixSeconds(crl.thisUpdate), der: crl.der });
    }
    return held;
  }
}

function keyOf(issuerKeyHash: string, serial: SerialHex): string {
  return `${issuerKeyHash} ${serial}`;
}
