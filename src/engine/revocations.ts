import type { Bytes } from '../base/bytes.ts';
import { isMeshError } from '../base/errors.ts';
import { unixSeconds } from '../base/time.ts';
import type { Certificate } from '../pki/certificate.ts';
import { type Crl, parseCrl } from '../pki/crl.ts';
import { isSameName } from '../pki/distinguished-name.ts';
import type { Trust } from '../pki/judge.ts';
import { RevocationView } from '../pki/revocation-view.ts';
import type { HeldCrl } from './crl-sync.ts';

/** Issuing certificates remembered, to verify lists with: the root and its intermediates while keys roll over. */
export const ISSUERS_MAX = 16;

export type CrlOutcome =
  | { readonly tag: 'installed'; readonly issuerKeyHash: string; readonly number: number }
  | { readonly tag: 'current' }
  | { readonly tag: 'refused'; readonly reason: string };

/** What a node knows to be revoked, and by whom it lets itself be told. */
export class Revocations {
  readonly view = new RevocationView();
  readonly #trust: Trust;
  readonly #issuers = new Map<string, Certificate>();
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

  /** Whether a list of this issuer could be verified here. */
  knowsIssuer(issuerKeyHash: string): boolean {
    return this.#issuers.has(issuerKeyHash);
  }

  /** Takes a list where an issuer that we know signed it and it is newer than ours. */
  install(der: Bytes): CrlOutcome {
    let crl: Crl;
    try {
      crl = parseCrl(der);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return { tag: 'refused', reason: error.message };
    }
    let refusal = 'no known issuer';
    for (const issuer of this.#issuers.values()) {
      if (!isSameName(issuer.subject, crl.issuer)) continue;
      const result = this.view.install(crl, issuer, this.#trust.checkSignature);
      if (result.tag === 'ignored') return { tag: 'current' };
      if (result.tag === 'refused') {
        refusal = result.reason;
        continue;
      }
      this.#version++;
      return { tag: 'installed', issuerKeyHash: issuer.keyHash, number: Number(crl.number) };
    }
    return { tag: 'refused', reason: refusal };
  }

  /** Whether any certificate of the chain is on a list, for whatever reason. */
  concerns(chain: readonly Certificate[]): boolean {
    return chain.some((certificate, depth) => {
      const above = chain[depth + 1];
      const issuers = above === undefined ? this.#trust.anchors : [above];
      return issuers.some((issuer) => this.view.statusOf(issuer.keyHash, certificate.serial) !== undefined);
    });
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
