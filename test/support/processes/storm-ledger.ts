import assert from 'node:assert/strict';
import { utf8 } from '../../../src/base/bytes.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { issueIndexOf } from '../../../src/pki/mesh/mesh-extensions.ts';
import { type Certificate, parseCertificatesPem } from '../../../src/pki/x509/certificate/certificate.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';

export interface Enrolment {
  readonly token: string;
  /** All requests that came with this ticket; one of them has it. */
  readonly asked: string[];
  /** Those of them that have been refused. */
  readonly refused: Set<string>;
  /** The request whose certificate was given. */
  readonly csr?: string;
  readonly certificate?: string;
  readonly nodeId?: string;
}

/**
 * What was acknowledged in a storm, and what was seen: nothing may be given twice with other content. What is found wrong
 * is kept until somebody asks, because those who find it are at work and expect to fail.
 */
export class StormLedger {
  /** What each message that was acknowledged says. */
  readonly said = new Map<string, string>();
  readonly enrolments: Enrolment[] = [];
  /** Numbers of the lists with which revocations were acknowledged, by node. */
  readonly revoked = new Map<string, number>();
  readonly #lists = new Map<bigint, string>();
  #newestList = 0n;
  readonly #certificates = new Map<string, string>();
  readonly #indexes = new Map<number, string>();
  readonly #faults: string[] = [];

  /** Lists that were seen. */
  get lists(): number {
    return this.#lists.size;
  }

  noteMessage(id: string, text: string): void {
    const before = this.said.get(id);
    if (before === undefined) this.said.set(id, text);
    else this.#faults.push(`${id} was given twice, for «${before}» and «${text}»`);
  }

  /** Lists that were asked for one after another. */
  noteList(der: Uint8Array): void {
    const { number } = parseCrl(der);
    if (number < this.#newestList) this.#faults.push(`list ${number} came after list ${this.#newestList}`);
    this.#newestList = number;
    const hash = Buffer.from(sha256(der)).toString('hex');
    if ((this.#lists.get(number) ?? hash) !== hash) this.#faults.push(`two lists have the number ${number}`);
    this.#lists.set(number, hash);
  }

  noteCertificate(pem: string): void {
    const { serial, issueIndex } = leafFacts(pem);
    const hash = Buffer.from(sha256(utf8(pem))).toString('hex');
    if ((this.#certificates.get(serial) ?? hash) !== hash) this.#faults.push(`serial ${serial} was given twice`);
    this.#certificates.set(serial, hash);
    if ((this.#indexes.get(issueIndex) ?? hash) !== hash)
      this.#faults.push(`issue index ${issueIndex} was given twice`);
    this.#indexes.set(issueIndex, hash);
  }

  noteFault(fault: string): void {
    this.#faults.push(fault);
  }

  /** Fails where anything was found wrong. */
  assertClean(): void {
    assert.deepEqual(this.#faults, []);
  }
}

export function leafOf(pem: string): Certificate {
  const [leaf] = parseCertificatesPem(pem);
  assert.ok(leaf !== undefined);
  return leaf;
}

function leafFacts(pem: string): { readonly serial: string; readonly issueIndex: number } {
  const leaf = leafOf(pem);
  const issueIndex = issueIndexOf(leaf);
  assert.ok(issueIndex !== undefined, 'a certificate without an issue index');
  return { serial: leaf.serial, issueIndex };
}
