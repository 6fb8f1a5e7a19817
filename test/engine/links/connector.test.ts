import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MINUTE_MS } from '../../../src/base/time.ts';
import {
  type Candidate,
  CANDIDATES_PER_SOURCE_MAX,
  type CandidateSource,
  Connector,
  LINKS_MAX,
  OUTBOUND_TARGET,
  SHUNNED_MAX,
} from '../../../src/engine/links/connector.ts';
import type { ByeReason } from '../../../src/engine/links/frame.ts';
import { type NodeId, parseNodeId } from '../../../src/identity/node-id.ts';
import { type Address, parseAddress } from '../../../src/message/payloads/address.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { at } from '../../support/mesh/mesh-fixture.ts';

const id = (name: string): NodeId => parseNodeId(name);
const address = (name: string): Address => parseAddress(`${name}:1`);
const SELF = id('self');

/** A connector in a world whose links the test makes and breaks. */
class Bench {
  readonly linked = new Map<NodeId, 'inbound' | 'outbound'>();
  readonly revoked = new Set<NodeId>();
  readonly dials: { readonly dial: number; readonly candidate: Candidate }[] = [];
  readonly connector: Connector;
  nowMs = 0;

  constructor(seed = 'connector') {
    this.connector = new Connector(new SeededRandom(seed), {
      self: SELF,
      isOwnAddress: (candidate) => candidate === address('self'),
      linkedNodes: () => new Set(this.linked.keys()),
      outboundCount: () => [...this.linked.values()].filter((direction) => direction === 'outbound').length,
      linkCount: () => this.linked.size,
      isRevoked: (nodeId) => this.revoked.has(nodeId),
      dial: (dial, candidate) => this.dials.push({ dial, candidate }),
    });
  }

  hear(source: CandidateSource, ...names: readonly string[]): void {
    for (const name of names)
      this.connector.handleCandidate(at(this.nowMs), { address: address(name), source, nodeId: id(name) });
  }

  /** Lets the connector do what is due. @returns whom it dialled. */
  look(): string[] {
    const before = this.dials.length;
    this.connector.handleTimeout(at(this.nowMs));
    return this.dials.slice(before).map(({ candidate }) => candidate.address.split(':')[0] as string);
  }

  /** The last dial goes well. */
  connect(name: string): void {
    const made = this.dials.findLast(({ candidate }) => candidate.address === address(name));
    assert.notEqual(made, undefined);
    this.linked.set(id(name), 'outbound');
    this.connector.handleConnected(at(this.nowMs), made?.dial as number, id(name));
  }

  fail(name: string): void {
    const made = this.dials.findLast(({ candidate }) => candidate.address === address(name));
    this.connector.handleDialFailed(at(this.nowMs), made?.dial as number);
  }

  /** Somebody answers, and has no place. */
  failFull(name: string): void {
    const made = this.dials.findLast(({ candidate }) => candidate.address === address(name));
    this.connector.handleDialFailed(at(this.nowMs), made?.dial as number, true);
  }

  drop(name: string, isSilent: boolean): void {
    this.end(name, isSilent ? 'idle' : 'leaving');
  }

  end(name: string, why: ByeReason, isByPeer = true): void {
    this.linked.delete(id(name));
    this.connector.handleLinkDown(at(this.nowMs), id(name), why, isByPeer);
  }

  /** Lets time pass from deadline to deadline, failing every dial. @returns when each was made. */
  failUntil(untilMs: number): number[] {
    const times: number[] = [];
    for (;;) {
      const due = this.connector.deadline();
      if (due === undefined || due - at(0).mono > untilMs) return times;
      this.nowMs = Math.max(this.nowMs, due - at(0).mono);
      for (const name of this.look()) {
        times.push(this.nowMs);
        this.fail(name);
      }
    }
  }
}

const names = (count: number, prefix = 'n'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('connector', () => {
  it('dials as many as it wants links, and no more while they are under way', () => {
    const world = new Bench();
    world.hear('bootstrap', ...names(20));
    const first = world.look();
    assert.equal(first.length, OUTBOUND_TARGET);
    assert.equal(new Set(first).size, OUTBOUND_TARGET);
    assert.deepEqual(world.look(), []);
    for (const name of first) world.connect(name);
    assert.equal(world.linked.size, OUTBOUND_TARGET);
  });

  it('dials nobody when it hears of nobody, of itself, or of its own address', () => {
    const world = new Bench();
    assert.equal(world.connector.deadline(), undefined);
    world.connector.handleCandidate(at(0), { address: address('other'), source: 'record', nodeId: SELF });
    world.connector.handleCandidate(at(0), { address: address('self'), source: 'record', nodeId: id('liar') });
    assert.deepEqual(world.look(), []);
    assert.equal(world.connector.size, 0);
  });

  it('wants links of its own choice however many others have dialled it (T4)', () => {
    const world = new Bench();
    for (const name of names(LINKS_MAX - OUTBOUND_TARGET, 'stranger')) world.linked.set(id(name), 'inbound');
    world.hear('bootstrap', ...names(10));
    assert.equal(world.look().length, OUTBOUND_TARGET);
  });

  it('holds no more links than it may', () => {
    const world = new Bench();
    for (const name of names(LINKS_MAX - 1, 'stranger')) world.linked.set(id(name), 'inbound');
    world.hear('bootstrap', ...names(10));
    assert.equal(world.look().length, 1);
  });

  it('takes the sources in turn: one that shouts does not choose the neighbours (T4)', () => {
    const world = new Bench();
    world.hear('multicast', ...names(CANDIDATES_PER_SOURCE_MAX, 'liar'));
    world.hear('bootstrap', 'good1', 'good2');
    world.hear('record', 'known1', 'known2');
    const dialled = world.look();
    assert.ok(dialled.some((name) => name.startsWith('good')));
    assert.ok(dialled.some((name) => name.startsWith('known')));
  });

  it('keeps the candidates of each source apart: a flood of one pushes out no other (T4, T17)', () => {
    const world = new Bench();
    world.hear('bootstrap', 'good');
    world.hear('multicast', ...names(10 * CANDIDATES_PER_SOURCE_MAX, 'liar'));
    assert.equal(world.connector.size, CANDIDATES_PER_SOURCE_MAX + 1);
    assert.equal(world.connector.addressOf(id('good')), address('good'));
  });

  it('dials nobody twice who is known in two ways', () => {
    const world = new Bench();
    for (const source of ['bootstrap', 'record', 'authority', 'multicast'] as const) world.hear(source, 'bob');
    assert.deepEqual(world.look(), ['bob']);
  });

  it('backs off from the dead: half a second at first, a minute at most', () => {
    const world = new Bench();
    world.hear('bootstrap', 'dead');
    const times = world.failUntil(10 * MINUTE_MS);
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
    assert.ok((pauses[0] as number) < 1_000);
    for (const pause of pauses) assert.ok(pause <= 1.3 * MINUTE_MS, `${pause} ms`);
    assert.ok(times.length < 25, `${times.length} dials in ten minutes`);
    assert.ok((pauses.at(-1) as number) > 0.6 * MINUTE_MS);
  });

  it('does not dial a full peer again and again because it says hello each time', () => {
    const world = new Bench();
    world.hear('bootstrap', 'full');
    let dials = 0;
    while (world.nowMs < 10 * MINUTE_MS) {
      const due = world.connector.deadline();
      if (due === undefined) break;
      world.nowMs = Math.max(world.nowMs, due - at(0).mono);
      for (const name of world.look()) {
        dials++;
        world.connect(name);
        world.drop(name, false);
      }
    }
    assert.ok(dials < 25, `${dials} dials in ten minutes`);
  });

  it('does not dial revoked, shunned or linked nodes', () => {
    const world = new Bench();
    world.hear('bootstrap', 'out', 'bad', 'here');
    world.revoked.add(id('out'));
    world.connector.handleMisbehaved(at(0), id('bad'));
    world.linked.set(id('here'), 'inbound');
    assert.deepEqual(world.look(), []);
    assert.equal(world.connector.isShunned(at(0), id('bad')), true);
    world.nowMs = 10 * MINUTE_MS;
    assert.equal(world.connector.isShunned(at(world.nowMs), id('bad')), false);
    assert.deepEqual(world.look(), ['bad'], 'nobody is shunned for ever');
  });

  it('shuns so many and no more: the one shunned first may be dialled again', () => {
    const world = new Bench();
    for (const name of names(SHUNNED_MAX + 1)) world.connector.handleMisbehaved(at(0), id(name));
    assert.equal(world.connector.isShunned(at(0), id('n0')), false);
    assert.equal(world.connector.isShunned(at(0), id('n1')), true);
    assert.equal(world.connector.isShunned(at(0), id(`n${SHUNNED_MAX}`)), true);
  });

  it('forgets a revoked node in every table', () => {
    const world = new Bench();
    world.hear('bootstrap', 'out');
    world.hear('record', 'out');
    world.connector.handleRevoked(id('out'));
    assert.equal(world.connector.size, 0);
    assert.equal(world.connector.addressOf(id('out')), undefined);
  });

  it('follows a node that moves: its newest record says where it is, and nowhere else', () => {
    const world = new Bench();
    world.connector.handleRecord(at(0), id('bob'), [address('old1'), address('old2')]);
    world.connector.handleRecord(at(0), id('bob'), [address('old2'), address('new')]);
    assert.equal(world.connector.size, 2);
    assert.equal(world.connector.addressOf(id('bob')), address('old2'));
  });

  it('dials again soon when a link breaks', () => {
    const world = new Bench();
    world.hear('bootstrap', 'bob');
    world.look();
    world.connect('bob');
    world.nowMs = 2 * MINUTE_MS;
    world.drop('bob', true);
    assert.deepEqual(world.look(), []);
    const due = (world.connector.deadline() as number) - at(0).mono;
    assert.ok(due <= world.nowMs + 1_000);
    world.nowMs = due;
    assert.deepEqual(world.look(), ['bob']);
  });

  it('seeks who was lost, although it has links enough: two halves of a mesh find each other again', () => {
    const world = new Bench();
    world.hear('bootstrap', 'lost');
    world.look();
    world.connect('lost');
    world.nowMs = 2 * MINUTE_MS;
    world.drop('lost', true);
    for (const name of names(OUTBOUND_TARGET, 'near')) world.linked.set(id(name), 'outbound');
    const times = world.failUntil(12 * MINUTE_MS);
    assert.ok(times.length >= 8, `${times.length} dials in ten minutes`);
    assert.ok(times.length <= 40, `${times.length} dials in ten minutes`);
  });

  it('seeks who soon gave its place to another, not who did so later, nor who had to give way itself (T4)', () => {
    for (const [livedMs, isByPeer, expected] of [
      [MINUTE_MS - 1, true, true],
      [MINUTE_MS, true, false],
      [MINUTE_MS - 1, false, false],
    ] as const) {
      const world = new Bench();
      world.hear('bootstrap', 'crowded');
      world.look();
      world.connect('crowded');
      world.nowMs = livedMs;
      world.end('crowded', 'full', isByPeer);
      for (const name of names(LINKS_MAX, 'near')) world.linked.set(id(name), 'outbound');
      assert.equal(world.failUntil(10 * MINUTE_MS).length > 0, expected, `${livedMs} ms, by peer: ${isByPeer}`);
    }
  });

  it('seeks often at first and when it is displaced, and three times a minute later: it may know none but colluders (T4)', () => {
    const world = new Bench();
    for (const name of names(OUTBOUND_TARGET, 'near')) world.linked.set(id(name), 'outbound');
    world.hear('bootstrap', ...names(200));
    const soughtWithin = (spanMs: number): number => world.failUntil(world.nowMs + spanMs).length;
    const first = soughtWithin(MINUTE_MS);
    assert.ok(first >= 4 && first <= 7, `${first} dials in the first minute`);
    const later = soughtWithin(10 * MINUTE_MS) / 10;
    assert.ok(later >= 2.3 && later <= 4.3, `${later} dials a minute later`);
    world.nowMs += MINUTE_MS;
    const [sought] = world.look() as [string];
    world.connect(sought);
    world.linked.delete(id('near0'));
    world.end(sought, 'full');
    world.linked.set(id('near0'), 'outbound');
    const displaced = soughtWithin(MINUTE_MS);
    assert.ok(displaced >= 4 && displaced <= 7, `${displaced} dials in the minute after it was displaced`);
  });

  it('seeks on at once where one had no place: who takes all places must not win by that (T4)', () => {
    const world = new Bench();
    for (const name of names(OUTBOUND_TARGET, 'near')) world.linked.set(id(name), 'outbound');
    world.hear('bootstrap', ...names(200));
    let dials = 0;
    for (;;) {
      const due = world.connector.deadline();
      if (due === undefined || due - at(0).mono > 10 * MINUTE_MS) break;
      world.nowMs = Math.max(world.nowMs, due - at(0).mono);
      for (const name of world.look()) {
        dials++;
        world.failFull(name);
      }
    }
    assert.ok(dials > 150 && dials < 300, `${dials} dials in ten minutes`);
  });

  it('chooses among nodes, not among addresses: who has many is not dialled more often (T4)', () => {
    let dialled = 0;
    for (let seed = 0; seed < 200; seed++) {
      const world = new Bench(`seed ${seed}`);
      for (let i = 0; i < 99; i++)
        world.connector.handleCandidate(at(0), { address: address(`many${i}`), source: 'record', nodeId: id('many') });
      for (let i = 0; i < OUTBOUND_TARGET; i++) world.linked.set(id(`near${i}`), 'outbound');
      world.linked.delete(id('near0'));
      world.hear('record', 'one');
      if (world.look()[0] === 'one') dialled++;
    }
    assert.ok(dialled > 60 && dialled < 140, `${dialled} of 200 times`);
  });

  it('seeks nobody of whom it only heard, nor who took leave', () => {
    const world = new Bench();
    for (const name of names(OUTBOUND_TARGET, 'near')) world.linked.set(id(name), 'outbound');
    world.hear('record', ...names(20, 'rumour'));
    world.hear('bootstrap', 'gone');
    world.nowMs = MINUTE_MS;
    world.look();
    world.nowMs += MINUTE_MS;
    assert.deepEqual(world.look(), ['gone'], 'it was named at the start, and never reached');
    world.connect('gone');
    world.drop('gone', false);
    assert.deepEqual(world.failUntil(30 * MINUTE_MS), []);
  });

  it('answers to dials that it does not know are nothing', () => {
    const world = new Bench();
    world.connector.handleConnected(at(0), 99, id('x'));
    world.connector.handleDialFailed(at(0), 99);
    assert.deepEqual(world.look(), []);
  });
});
