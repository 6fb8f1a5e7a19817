import type { Bytes } from '../base/bytes.ts';
import { GrowingBytes } from '../base/growing-bytes.ts';
import { after, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../base/time.ts';
import { CRL_HEADERS_MAX, CRL_PIECE_BYTES_MAX, type CrlHeader, type Frame } from './frame.ts';
import type { Link } from './link.ts';

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
  /** A whole list came from a peer: verify it and take it where it is newer. @returns whether it holds. */
  install(now: Instant, der: Bytes): boolean;
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
      if (number > held && this.#world.knowsIssuer(issuerKeyHash)) this.#fetch(now, link, issuerKeyHash, number);
      else if (number < held) theyLag = true;
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
    if (!this.#world.install(now, fetch.received.bytes.slice())) link.close(now, 'misbehaved');
  }

  handleLinkDown(link: Link): void {
    this.#remindedAt.delete(link);
    for (const [issuerKeyHash, fetch] of this.#fetches) if (fetch.link === link) this.#fetches.delete(issuerKeyHash);
  }

  /** One list of an issuer at a time, from one peer; nobody holds that place by promising more or by being slow. */
  #fetch(now: Instant, link: Link, issuerKeyHash: string, number: number): void {
    const under = this.#fetches.get(issuerKeyHash);
    if (under === undefined) {
      if (this.#fetches.size >= CRL_HEADERS_MAX) return;
    } else if (now.mono < under.nextPieceUntil) {
      if (under.link === link ? under.number >= number : now.mono < under.until) return;
    }
    this.#fetches.set(issuerKeyHash, {
      link,
      number,
      received: new GrowingBytes(),
      until: under?.link === link ? under.until : after(now.mono, FETCH_MS_MAX),
      nextPieceUntil: after(now.mono, PIECE_MS_MAX),
    });
    link.send({ tag: 'want-crl', issuerKeyHash, number, offset: 0 });
  }
}
