import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { Bytes } from '../../../src/base/bytes.ts';
import { SECOND_MS } from '../../../src/base/time.ts';
import { CrlSync, FETCH_MS_MAX, type HeldCrl, PIECE_MS_MAX } from '../../../src/engine/gossip/crl-sync.ts';
import {
  CRL_HEADERS_MAX,
  CRL_PIECE_BYTES_MAX,
  type CrlHeader,
  FRAME_BYTES_MAX,
} from '../../../src/engine/links/frame.ts';
import type { Link, MeshFrame } from '../../../src/engine/links/link.ts';
import { TURN_BYTES_MAX } from '../../../src/engine/links/turn-output.ts';
import { LinkPair } from '../../support/mesh/link-pair.ts';
import { at, MeshFixture } from '../../support/mesh/mesh-fixture.ts';

const ISSUER = 'aa'.repeat(32);
const OTHER_ISSUER = 'bb'.repeat(32);
const ZERO = at(0);

const listOf = (number: number, length = 100, issuerKeyHash = ISSUER): HeldCrl => ({
  issuerKeyHash,
  number,
  thisUpdate: 1,
  der: new Uint8Array(length).fill(number),
});

/** A node that believes every list that begins with its number. */
class Peer {
  readonly lists = new Map<string, HeldCrl>();
  readonly links: Link[] = [];
  readonly known = new Set([ISSUER]);
  readonly sync: CrlSync;

  constructor() {
    this.sync = new CrlSync({
      crls: () => [...this.lists.values()],
      knowsIssuer: (issuerKeyHash) => this.known.has(issuerKeyHash),
      links: () => this.links,
      install: (_now, der, { number }) => this.#install(der) && der[0] === number,
    });
  }

  hold(list: HeldCrl): void {
    this.lists.set(list.issuerKeyHash, list);
  }

  get number(): number | undefined {
    return this.lists.get(ISSUER)?.number;
  }

  receive(link: Link, frame: MeshFrame, now = ZERO): void {
    if (frame.tag === 'crls') this.sync.handleHeaders(now, link, frame.crls);
    else if (frame.tag === 'want-crl') this.sync.handleWant(link, frame);
    else if (frame.tag === 'crl-piece') this.sync.handlePiece(now, link, frame);
    else assert.fail(frame.tag);
  }

  #install(der: Bytes): boolean {
    const number = der[0] as number;
    if (der.some((byte) => byte !== number)) return false;
    if (number > (this.number ?? -1)) this.hold(listOf(number, der.length));
    return true;
  }
}

describe('CRLs between peers', () => {
  let fixture: MeshFixture;
  let ann: Peer;
  let bob: Peer;
  let pair: LinkPair;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'bob', 'eve');
  });
  beforeEach(() => {
    ann = new Peer();
    bob = new Peer();
    pair = new LinkPair(
      ZERO,
      fixture,
      'ann',
      'bob',
      (_n, l, f) => ann.receive(l, f),
      (_n, l, f) => bob.receive(l, f),
    );
    ann.links.push(pair.a);
    bob.links.push(pair.b);
  });
  /** A link of ann's to eve, who does what the test says. */
  const linkToEve = (frames: MeshFrame[] = []): LinkPair =>
    new LinkPair(
      ZERO,
      fixture,
      'ann',
      'eve',
      (_n, l, f) => ann.receive(l, f),
      (_n, _l, f) => frames.push(f),
    );
  const header = (number: number): CrlHeader[] => [{ issuerKeyHash: ISSUER, number, thisUpdate: 1 }];

  it('a newer list is announced and fetched', () => {
    bob.hold(listOf(1));
    ann.hold(listOf(2));
    ann.sync.announce();
    pair.pump(ZERO);
    assert.equal(bob.number, 2);
    assert.deepEqual(pair.take(), ['a> crls', 'b> want-crl', 'a> crl-piece']);
  });

  it('who hears of an older list tells of its own', () => {
    bob.hold(listOf(7));
    ann.hold(listOf(2));
    ann.sync.announce();
    pair.pump(ZERO);
    assert.equal(ann.number, 7);
  });

  it('who hears of none tells of its own', () => {
    bob.hold(listOf(7));
    ann.sync.announce();
    pair.pump(ZERO);
    assert.equal(ann.number, 7);
  });

  it('a large list comes in pieces', () => {
    ann.hold(listOf(3, 3 * CRL_PIECE_BYTES_MAX + 1));
    ann.sync.announce();
    pair.pump(ZERO);
    assert.equal(bob.lists.get(ISSUER)?.der.length, 3 * CRL_PIECE_BYTES_MAX + 1);
    assert.equal(pair.take().filter((frame) => frame === 'a> crl-piece').length, 4);
  });

  it('a list of an issuer that is not known is neither fetched nor held against who has it', () => {
    ann.hold(listOf(3, 100, OTHER_ISSUER));
    ann.sync.announce();
    pair.pump(ZERO);
    assert.deepEqual(pair.take(), ['a> crls']);
    assert.deepEqual(pair.closed, []);
  });

  it('two that each have a list that the other cannot use come to rest', () => {
    ann.hold(listOf(3, 100, OTHER_ISSUER));
    bob.known.clear();
    bob.hold(listOf(3));
    ann.known.clear();
    ann.sync.announce();
    pair.pump(ZERO);
    assert.ok(pair.take().length <= 3);
  });

  it('a list that does not hold ends the link to who gave it', () => {
    ann.hold({ ...listOf(3), der: Uint8Array.of(3, 4) });
    ann.sync.announce();
    pair.pump(ZERO);
    assert.equal(bob.number, undefined);
    assert.deepEqual(pair.closed.toSorted(), ['ann: misbehaved', 'bob: misbehaved']);
  });

  it('a list that is asked for over and over in one turn is given as far as the turn bears', () => {
    bob.hold(listOf(3, 2 * CRL_PIECE_BYTES_MAX));
    const want = { tag: 'want-crl', issuerKeyHash: ISSUER, number: 3, offset: 0 } as const;
    for (let i = 0; i < 5_000; i++) bob.receive(pair.b, want);
    const written = pair.b.takeOutput()?.length ?? 0;
    assert.ok(written >= TURN_BYTES_MAX && written <= TURN_BYTES_MAX + FRAME_BYTES_MAX, `${written} bytes`);
    bob.receive(pair.b, want);
    assert.ok((pair.b.takeOutput()?.length ?? 0) > CRL_PIECE_BYTES_MAX, 'the next turn answers again');
  });

  it('a list that comes in pieces of a few bytes is the same list', () => {
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, eve.a, header(7));
    for (let offset = 0; offset < 999; offset += 3)
      ann.receive(eve.a, {
        tag: 'crl-piece',
        issuerKeyHash: ISSUER,
        number: 7,
        offset,
        total: 999,
        bytes: Uint8Array.of(7, 7, 7),
      });
    assert.equal(ann.number, 7);
    assert.equal(ann.lists.get(ISSUER)?.der.length, 999);
  });

  it('pieces that nobody asked for, out of place or of another list are dropped', () => {
    ann.hold(listOf(3, 2 * CRL_PIECE_BYTES_MAX));
    const piece = {
      tag: 'crl-piece',
      issuerKeyHash: ISSUER,
      number: 3,
      offset: 0,
      total: 2,
      bytes: Uint8Array.of(3),
    } as const;
    bob.receive(pair.b, piece);
    bob.sync.handleHeaders(ZERO, pair.b, header(3));
    for (const wrong of [{ number: 4 }, { offset: 1 }, { issuerKeyHash: OTHER_ISSUER }])
      bob.receive(pair.b, { ...piece, ...wrong });
    assert.equal(bob.number, undefined);
    pair.pump(ZERO);
    assert.equal(bob.number, 3);
  });

  it('who promises a list and never sends it holds nothing up: the next is asked', () => {
    bob.hold(listOf(3));
    linkToEve();
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, eve.a, header(200));
    ann.sync.handleHeaders(at(PIECE_MS_MAX - 1), pair.a, header(3));
    pair.pump(at(PIECE_MS_MAX - 1));
    assert.equal(ann.number, undefined, 'one at a time');
    ann.sync.handleHeaders(at(PIECE_MS_MAX), pair.a, header(3));
    pair.pump(at(PIECE_MS_MAX));
    assert.equal(ann.number, 3);
  });

  it('who promises ever more does not take the place of one that sends (T5)', () => {
    bob.hold(listOf(3, 2 * CRL_PIECE_BYTES_MAX));
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, pair.a, header(3));
    for (let number = 4; number < 20; number++) ann.sync.handleHeaders(ZERO, eve.a, header(number));
    pair.pump(ZERO);
    assert.equal(ann.number, 3);
  });

  it('who sends a drop at a time loses the place after a minute', () => {
    bob.hold(listOf(3));
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, eve.a, header(200));
    let nowMs = 0;
    for (let offset = 0; nowMs < FETCH_MS_MAX; offset++) {
      nowMs += PIECE_MS_MAX - 100;
      const bytes = Uint8Array.of(200);
      ann.receive(
        eve.a,
        { tag: 'crl-piece', issuerKeyHash: ISSUER, number: 200, offset, total: 1_000, bytes },
        at(nowMs),
      );
    }
    ann.sync.handleHeaders(at(nowMs), pair.a, header(3));
    pair.pump(at(nowMs));
    assert.equal(ann.number, 3);
  });

  it('who lost the place comes after all others, however soon it promises again (T5)', () => {
    bob.hold(listOf(3, 2 * CRL_PIECE_BYTES_MAX));
    const [eve, mallory] = [linkToEve(), linkToEve()];
    const liars = [eve, mallory];
    for (const liar of liars) ann.sync.handleHeaders(ZERO, liar.a, header(200));
    ann.sync.handleHeaders(ZERO, pair.a, header(3));
    // Each of the liars promises as soon as there may be a place, and neither sends anything.
    for (let nowMs = 0; ann.number === undefined && nowMs <= 3 * PIECE_MS_MAX; nowMs += 10) {
      for (const liar of liars) ann.sync.handleHeaders(at(nowMs), liar.a, header(200 + nowMs));
      pair.pump(at(nowMs));
    }
    assert.equal(ann.number, 3);
  });

  it('a list that holds and is not the one that was promised ends the link', () => {
    bob.hold(listOf(3));
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, eve.a, header(200));
    ann.receive(eve.a, {
      tag: 'crl-piece',
      issuerKeyHash: ISSUER,
      number: 200,
      offset: 0,
      total: 2,
      bytes: Uint8Array.of(3, 3),
    });
    eve.pump(ZERO);
    assert.equal(eve.a.isClosed, true);
  });

  it('asks the same peer again when it has made a newer list meanwhile', () => {
    const frames: MeshFrame[] = [];
    const eve = linkToEve(frames);
    ann.sync.handleHeaders(ZERO, eve.a, header(5));
    ann.sync.handleHeaders(ZERO, eve.a, header(5));
    ann.sync.handleHeaders(ZERO, eve.a, header(6));
    eve.pump(ZERO);
    assert.deepEqual(
      frames.map((frame) => (frame.tag === 'want-crl' ? frame.number : frame.tag)),
      [5, 6],
    );
  });

  it('lists of so many issuers are fetched at a time (T17)', () => {
    const asked: string[] = [];
    const frames: MeshFrame[] = [];
    const eve = linkToEve(frames);
    const issuers = Array.from({ length: CRL_HEADERS_MAX + 1 }, (_, n) => n.toString(16).padStart(64, '0'));
    for (const issuerKeyHash of issuers) {
      ann.known.add(issuerKeyHash);
      ann.sync.handleHeaders(ZERO, eve.a, [{ issuerKeyHash, number: 5, thisUpdate: 1 }]);
    }
    eve.pump(ZERO);
    for (const frame of frames) if (frame.tag === 'want-crl') asked.push(frame.issuerKeyHash);
    assert.deepEqual(asked, issuers.slice(0, CRL_HEADERS_MAX));
  });

  it('a link that goes takes its fetch with it', () => {
    bob.hold(listOf(3));
    const eve = linkToEve();
    ann.sync.handleHeaders(ZERO, eve.a, header(200));
    ann.sync.handleLinkDown(eve.a);
    ann.sync.handleHeaders(ZERO, pair.a, header(3));
    pair.pump(ZERO);
    assert.equal(ann.number, 3);
  });

  it('reminds a peer that lags, but not for every message', () => {
    ann.hold(listOf(3));
    for (let i = 0; i < 10; i++) ann.sync.remind(ZERO, pair.a);
    pair.pump(ZERO);
    assert.equal(pair.take().filter((frame) => frame === 'a> crls').length, 1);
    ann.sync.remind(at(SECOND_MS), pair.a);
    pair.pump(at(SECOND_MS));
    assert.equal(pair.take().filter((frame) => frame === 'a> crls').length, 1);
  });
});
