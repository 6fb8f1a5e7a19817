import type { Bytes } from '../../base/bytes.ts';
import { GrowingBytes } from '../../base/growing-bytes.ts';
import { after, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import { CRL_HEADERS_MAX, CRL_PIECE_BYTES_MAX, type CrlHeader, type Frame } from '../links/frame.ts';
import type { Link } from '../links/link.ts';

/** A peer that does not send the next piece in this time is not waited for: the next that has a list is asked. */
export const PIECE_MS_MAX = 2 * SECOND_MS;
/** Nor is one that takes longer than this for a whole list, a little at a time. */
export const FETCH_MS_MAX = MINUTE_MS;

/** A list that is kept: what peers are told, and what they are sent. */
export interface HeldCrl extends CrlHeader {
  readonly der: Bytes;
}

export interface CrlSyncWorld {
  crls(): readonly HeldCrl[];
  /** Whether a list of this issuer could be verified here. */
  knowsIssuer(issuerKeyHash: string): boolean;
  links(): readonly Link[];
  /** A whole list came from a peer: verify it and take it where it is newer. @returns whether it is what was promised. */
  install(now: Instant, der: Bytes, promised: Pick<CrlHeader, 'issuerKeyHash' | 'number'>): boolean;
}

/** A peer that passes on mail of revoked nodes is told of our lists, but not for every message. */
const REMIND_MS = SECOND_MS;

interface Fetch {
  readonly link: Link;
  readonly number: number;
  readonly received: GrowingBytes;
  readonly until: MonotonicMs;
  nextPieceUntil: MonotonicMs;
}

/**
 * Revocations by gossip: peers tell each other which lists they have, and who is behind asks piece by piece.
 * Who told a newer number than it can prove is treated as one who forwards forgeries.
 */
export class CrlSync {
  readonly #world: CrlSyncWorld;
  readonly #fetches = new Map<string, Fetch>();
  /** Peers that told of a list newer than ours, by issuer, and its number; who told first is first. */
  readonly #told = new Map<string, Map<Link, number>>();
  /** How often a peer promised a list and did not send it in time. */
  readonly #failures = new Map<Link, number>();
  readonly #remindedAt = new Map<Link, MonotonicMs>();

  constructor(world: CrlSyncWorld) {
    this.#world = world;
  }

  headers(): CrlHeader[] {
    return this.#world
      .crls()
      .slice(0, CRL_HEADERS_MAX)
      .map(({ issuerKeyHash, number, thisUpdate }) => ({ issuerKeyHash, number, thisUpdate }));
  }

  /** A newer list was taken: everybody linked is told at once. */
  announce(): void {
    const crls = this.headers();
    for (const link of this.#world.links()) link.send({ tag: 'crls', crls });
  }

  /** This peer seems to be behind on revocations. */
  remind(now: Instant, link: Link): void {
    const last = this.#remindedAt.get(link);
    if (last !== undefined && now.mono < after(last, REMIND_MS)) return;
    this.#remindedAt.set(link, now.mono);
    link.send({ tag: 'crls', crls: this.headers() });
  }

  handleHeaders(now: Instant, link: Link, theirs: readonly CrlHeader[]): void {
    const ours = new Map(this.#world.crls().map((crl) => [crl.issuerKeyHash, crl.number]));
    let theyLag = false;
    for (const { issuerKeyHash, number } of theirs) {
      const held = ours.get(issuerKeyHash) ?? -1;
      if (number > held && this.#world.knowsIssuer(issuerKeyHash)) {
        this.#note(issuerKeyHash, link, number);
        this.#fetch(now, issuerKeyHash, held);
      } else if (number < held) theyLag = true;
      ours.delete(issuerKeyHash);
    }
    if (theyLag || ours.size > 0) this.remind(now, link);
  }

  handleWant(link: Link, { issuerKeyHash, number, offset }: Extract<Frame, { tag: 'want-crl' }>): void {
    if (link.isLaden) return;
    const held = this.#world.crls().find((crl) => crl.issuerKeyHash === issuerKeyHash && crl.number === number);
    if (held === undefined || offset >= held.der.length) return; // replaced meanwhile: they will hear of the new one
    const bytes = held.der.subarray(offset, offset + CRL_PIECE_BYTES_MAX);
    link.send({ tag: 'crl-piece', issuerKeyHash, number, offset, total: held.der.length, bytes });
  }

  handlePiece(now: Instant, link: Link, piece: Extract<Frame, { tag: 'crl-piece' }>): void {
    const { issuerKeyHash, number, offset, total, bytes } = piece;
    const fetch = this.#fetches.get(issuerKeyHash);
    if (fetch === undefined || fetch.link !== link || fetch.number !== number || fetch.received.length !== offset)
      return;
    fetch.received.push(bytes);
    fetch.nextPieceUntil = after(now.mono, PIECE_MS_MAX);
    if (fetch.received.length < total && bytes.length > 0) {
      link.send({ tag: 'want-crl', issuerKeyHash, number, offset: fetch.received.length });
      return;
    }
    this.#fetches.delete(issuerKeyHash);
    this.#failures.delete(link);
    if (!this.#world.install(now, fetch.received.bytes.slice(), { issuerKeyHash, number }))
      link.close(now, 'misbehaved');
  }

  handleLinkDown(link: Link): void {
    this.#remindedAt.delete(link);
    this.#failures.delete(link);
    for (const ofIssuer of this.#told.values()) ofIssuer.delete(link);
    for (const [issuerKeyHash, fetch] of this.#fetches) if (fetch.link === link) this.#fetches.delete(issuerKeyHash);
  }

  #note(issuerKeyHash: string, link: Link, number: number): void {
    let ofIssuer = this.#told.get(issuerKeyHash);
    if (ofIssuer === undefined) this.#told.set(issuerKeyHash, (ofIssuer = new Map<Link, number>()));
    ofIssuer.set(link, number);
  }

  /**
   * One list of an issuer at a time, from one peer; nobody holds that place by promising more or by being slow. Whoever
   * had it and did not send what was promised comes after all others that have a list, however soon it promises again (T5).
   */
  #fetch(now: Instant, issuerKeyHash: string, held: number): void {
    const under = this.#fetches.get(issuerKeyHash);
    if (under === undefined) {
      if (this.#fetches.size >= CRL_HEADERS_MAX) return;
    } else {
      const isSilent = now.mono >= under.nextPieceUntil;
      if (isSilent) this.#failed(under.link);
      else if (now.mono < under.until) {
        const newer = this.#told.get(issuerKeyHash)?.get(under.link) ?? 0;
        if (newer > under.number) this.#ask(now, issuerKeyHash, under.link, newer);
        return;
      }
    }
    const next = this.#nextToAsk(issuerKeyHash, held, under?.link);
    if (next === undefined) {
      this.#fetches.delete(issuerKeyHash); // what was promised is held meanwhile
      return;
    }
    if (under !== undefined && now.mono < under.nextPieceUntil) {
      if (next === under.link) return; // slow, and alone
      this.#failed(under.link);
    }
    this.#ask(now, issuerKeyHash, next, this.#told.get(issuerKeyHash)?.get(next) ?? 0);
  }

  /** Of the peers that have a newer list the one that has failed least; of these the one that told of it first. */
  #nextToAsk(issuerKeyHash: string, held: number, late: Link | undefined): Link | undefined {
    let best: Link | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [link, number] of this.#told.get(issuerKeyHash) ?? []) {
      const failures = (this.#failures.get(link) ?? 0) + (link === late ? 1 : 0);
      if (number <= held || failures >= least) continue;
      best = link;
      least = failures;
    }
    return best;
  }

  #failed(link: Link): void {
    this.#failures.set(link, (this.#failures.get(link) ?? 0) + 1);
  }

  /** Asks for a list from its beginning. A peer that raises its promise meanwhile has no more time for it. */
  #ask(now: Instant, issuerKeyHash: string, link: Link, number: number): void {
    const under = this.#fetches.get(issuerKeyHash);
    const isRaised = under?.link === link && now.mono < under.nextPieceUntil;
    this.#fetches.set(issuerKeyHash, {
      link,
      number,
      received: new GrowingBytes(),
      until: under?.link === link ? under.until : after(now.mono, FETCH_MS_MAX),
      nextPieceUntil: isRaised ? under.nextPieceUntil : after(now.mono, PIECE_MS_MAX),
    });
    link.send({ tag: 'want-crl', issuerKeyHash, number, offset: 0 });
  }
}
