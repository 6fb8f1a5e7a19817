import { BoundedMap } from '../../base/bounded.ts';
import { after, type Instant, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../base/time.ts';
import type { ByeReason } from './frame.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Address } from '../../message/payloads/address.ts';
import { jittered, type Random } from '../../ports/random.ts';

/** Where a candidate was heard of. Discovery proves nothing: a candidate is no peer before TLS and the hello. */
export type CandidateSource = 'bootstrap' | 'authority' | 'record' | 'multicast';

/** A place where a node of this mesh may listen. */
export interface Candidate {
  readonly address: Address;
  readonly source: CandidateSource;
  /** Who is said to listen there; whoever answers must prove to be this node. */
  readonly nodeId?: NodeId;
}

/** Candidates remembered of one source: a liar in one place cannot push out what another told (T4). */
export const CANDIDATES_PER_SOURCE_MAX = 512;
/** Links a node holds. Enough for gossip to reach everybody in few rounds; about 70 KiB each. */
export const LINKS_MAX = 12;
/** Places that peers may take by dialling us; the others are for peers that we chose (T4). */
export const INBOUND_MAX = 8;
/** Links that a node tries to have by its own choice; dials under way count as such. */
export const OUTBOUND_TARGET = 4;
/** Pause after the first dial that failed; doubled with each. @tuning */
const DIAL_RETRY_MS_MIN = 500;
/** Longest pause between two dials of a place that does not answer. @tuning */
const DIAL_RETRY_MS_MAX = MINUTE_MS;
/** A link that lived so long shows that its candidate is good; one that ends sooner counts as another failure. */
const STABLE_MS = MINUTE_MS;
/** Between two tries of places that are not needed but have been silent: so two halves of a mesh find each other again. @tuning */
const SEEK_MS_MAX = 20 * SECOND_MS;
/**
 * Before the first of them, and after a peer gave our place to another: who has only just begun, or is being displaced,
 * may have nobody but those who take all places (T4). Doubled with each. @tuning
 */
const SEEK_MS_MIN = 3 * SECOND_MS;
/** A candidate that has had no place so often, without a link that lasted, makes us seek no sooner: it is full for good. @tuning */
const HASTY_FAILURES_MAX = 5;
/** A node shut out for misbehaviour is dialled no more for this long. */
const SHUN_MS = 10 * MINUTE_MS;
/** Nodes that are shut out at a time; with more, the one shut out first may be dialled again. */
export const SHUNNED_MAX = 1_024;
/** Between two looks for better links while there are too few and nobody to dial. */
const LOOK_MS = 5 * SECOND_MS;

interface Known {
  candidate: Candidate;
  failures: number;
  tryAt: MonotonicMs;
  /** Whether anybody answers there: never tried, answered when last tried, or silent since. */
  state: 'new' | 'reached' | 'lost';
  connectedAt: MonotonicMs | undefined;
}

export interface ConnectorWorld {
  readonly self: NodeId;
  /** Addresses that are our own. */
  isOwnAddress(address: Address): boolean;
  linkedNodes(): ReadonlySet<NodeId>;
  outboundCount(): number;
  linkCount(): number;
  isRevoked(nodeId: NodeId): boolean;
  dial(dial: number, candidate: Candidate): void;
}

const SOURCES: readonly CandidateSource[] = ['bootstrap', 'record', 'authority', 'multicast'];

/** Decides whom to dial: keeps some links of its own choosing, from different sources, and backs off from the dead. */
export class Connector {
  readonly #random: Random;
  readonly #world: ConnectorWorld;
  readonly #known: Readonly<Record<CandidateSource, BoundedMap<Address, Known>>>;
  readonly #dials = new Map<number, Known>();
  readonly #shunned = new BoundedMap<NodeId, MonotonicMs>(SHUNNED_MAX);
  #nextDial = 1;
  #nextSource = 0;
  #lookAt: MonotonicMs | undefined;
  #seekAt: MonotonicMs | undefined;
  #seekPauseMs = SEEK_MS_MIN;

  constructor(random: Random, world: ConnectorWorld) {
    this.#random = random;
    this.#world = world;
    const table = (): BoundedMap<Address, Known> => new BoundedMap(CANDIDATES_PER_SOURCE_MAX);
    this.#known = { bootstrap: table(), authority: table(), record: table(), multicast: table() };
  }

  /** All candidates, for status. */
  get size(): number {
    return SOURCES.reduce((sum, source) => sum + this.#known[source].size, 0);
  }

  /** Where a node is said to listen. */
  addressOf(nodeId: NodeId): Address | undefined {
    for (const source of SOURCES)
      for (const { candidate } of this.#known[source].values())
        if (candidate.nodeId === nodeId) return candidate.address;
    return undefined;
  }

  handleCandidate(now: Instant, candidate: Candidate): void {
    if (candidate.nodeId === this.#world.self || this.#world.isOwnAddress(candidate.address)) return;
    const table = this.#known[candidate.source];
    const have = table.peek(candidate.address);
    if (have !== undefined && isOldNews(have, candidate)) return;
    table.set(candidate.address, { candidate, failures: 0, tryAt: now.mono, state: 'new', connectedAt: undefined });
    this.#lookSoon(now);
  }

  /** A node has said where it listens: there and nowhere else. */
  handleRecord(now: Instant, nodeId: NodeId, addresses: readonly Address[]): void {
    const table = this.#known.record;
    for (const [address, { candidate }] of Array.from(table.entries()))
      if (candidate.nodeId === nodeId && !addresses.includes(address)) table.delete(address);
    for (const address of addresses) this.handleCandidate(now, { address, source: 'record', nodeId });
  }

  /** TLS and the hello went well, and this is who answered. */
  handleConnected(now: Instant, dial: number, nodeId: NodeId): void {
    const known = this.#dials.get(dial);
    this.#dials.delete(dial);
    if (known !== undefined) {
      known.state = 'reached';
      known.connectedAt = now.mono;
      known.candidate = { ...known.candidate, nodeId };
    }
    this.#lookSoon(now);
  }

  /** @param hadNoPlace whether somebody answered, and had no place for us: then somebody else is sought soon. */
  handleDialFailed(now: Instant, dial: number, hadNoPlace = false): void {
    const known = this.#dials.get(dial);
    if (known === undefined) return;
    this.#dials.delete(dial);
    known.state = 'lost';
    if (hadNoPlace && known.failures < HASTY_FAILURES_MAX) this.#seekSoon();
    this.#backOff(now, known);
    this.#lookSoon(now);
  }

  /**
   * A link ended. A peer that was not heard any more may be in another part of a divided mesh, and one that soon gave our
   * place to another may be surrounded by those who take all places, as may we: both are sought later. Not so one that gave
   * it away after a while: in a quiet mesh, where all may give way, nodes would displace each other for ever.
   */
  handleLinkDown(now: Instant, peer: NodeId, why: ByeReason, isByPeer: boolean): void {
    for (const source of SOURCES)
      for (const known of this.#known[source].values()) {
        if (known.candidate.nodeId !== peer) continue;
        const { connectedAt } = known;
        const hasLasted = connectedAt !== undefined && now.mono >= after(connectedAt, STABLE_MS);
        const wasDisplaced = why === 'full' && isByPeer && connectedAt !== undefined && !hasLasted;
        if (hasLasted) known.failures = 0;
        known.connectedAt = undefined;
        if (why === 'idle' || wasDisplaced) known.state = 'lost';
        if (wasDisplaced) this.#seekSoon();
        this.#backOff(now, known);
      }
    this.#lookSoon(now);
  }

  handleMisbehaved(now: Instant, peer: NodeId): void {
    this.#shunned.set(peer, after(now.mono, SHUN_MS));
  }

  isShunned(now: Instant, peer: NodeId): boolean {
    const until = this.#shunned.peek(peer);
    return until !== undefined && now.mono < until;
  }

  /** A revoked node leaves every table. */
  handleRevoked(nodeId: NodeId): void {
    for (const source of SOURCES)
      for (const [address, { candidate }] of Array.from(this.#known[source].entries()))
        if (candidate.nodeId === nodeId) this.#known[source].delete(address);
  }

  deadline(): MonotonicMs | undefined {
    return this.#lookAt;
  }

  handleTimeout(now: Instant): void {
    if (this.#lookAt === undefined || now.mono < this.#lookAt) return;
    this.#lookAt = undefined;
    while (this.#wantsMore()) {
      const next = this.#choose(now);
      if (next === undefined) break;
      this.#dial(now, next);
    }
    if (this.#wantsMore()) this.#lookAt = this.#nextTry(now);
    else if (this.#dials.size === 0) this.#seek(now);
  }

  #dial(now: Instant, known: Known): void {
    const dial = this.#nextDial++;
    this.#dials.set(dial, known);
    known.tryAt = after(now.mono, DIAL_RETRY_MS_MAX);
    this.#world.dial(dial, known.candidate);
  }

  /**
   * There are links enough, but perhaps all in one part of a divided mesh, whose nodes are content with each other. So
   * now and then somebody is dialled who was lost, or was named to us at the start and never reached.
   */
  #seek(now: Instant): void {
    const linked = this.#world.linkedNodes();
    const sought = SOURCES.flatMap((source) => Array.from(this.#known[source].values())).filter(
      (known) => isSought(known) && this.#isEligible(now, known, linked),
    );
    if (sought.length === 0) return;
    this.#seekAt ??= after(now.mono, jittered(this.#random, this.#seekPauseMs, 0.3));
    const dueAt = Math.max(this.#seekAt, Math.min(...sought.map(({ tryAt }) => tryAt))) as MonotonicMs;
    if (dueAt > now.mono) {
      this.#lookAt = dueAt;
      return;
    }
    this.#seekAt = undefined;
    this.#seekPauseMs = Math.min(SEEK_MS_MAX, 2 * this.#seekPauseMs);
    const due = sought.filter(({ tryAt }) => tryAt <= now.mono);
    this.#dial(now, this.#anyOf(due) as Known);
  }

  #wantsMore(): boolean {
    const dialling = this.#dials.size;
    return this.#world.outboundCount() + dialling < OUTBOUND_TARGET && this.#world.linkCount() + dialling < LINKS_MAX;
  }

  /** One candidate that is due, from the sources in turn, so that no single source chooses our neighbours (T4). */
  #choose(now: Instant): Known | undefined {
    const linked = this.#world.linkedNodes();
    for (let turn = 0; turn < SOURCES.length; turn++) {
      const source = SOURCES[(this.#nextSource + turn) % SOURCES.length] as CandidateSource;
      const due = Array.from(this.#known[source].values()).filter(
        (known) => known.tryAt <= now.mono && this.#isEligible(now, known, linked),
      );
      const chosen = this.#anyOf(due);
      if (chosen === undefined) continue;
      this.#nextSource = (this.#nextSource + turn + 1) % SOURCES.length;
      return chosen;
    }
    return undefined;
  }

  /** Some node by chance, then one of its places: who has many addresses is not chosen more often (T4). */
  #anyOf(known: readonly Known[]): Known | undefined {
    if (known.length === 0) return undefined;
    const byNode = Map.groupBy(known, ({ candidate: { nodeId, address } }) => nodeId ?? address);
    const places = Array.from(byNode.values())[this.#random.below(byNode.size)] ?? known;
    return places[this.#random.below(places.length)];
  }

  /** Not linked, not being dialled, and nobody whom we want nothing to do with. */
  #isEligible(now: Instant, { candidate }: Known, linked: ReadonlySet<NodeId>): boolean {
    const { nodeId, address } = candidate;
    for (const { candidate: dialled } of this.#dials.values())
      if ((dialled.nodeId ?? dialled.address) === (nodeId ?? address)) return false;
    if (nodeId === undefined) return true;
    const isUnwanted = nodeId === this.#world.self || this.isShunned(now, nodeId) || this.#world.isRevoked(nodeId);
    return !isUnwanted && !linked.has(nodeId);
  }

  #nextTry(now: Instant): MonotonicMs {
    let at = after(now.mono, LOOK_MS);
    for (const source of SOURCES)
      for (const { tryAt } of this.#known[source].values()) if (tryAt > now.mono && tryAt < at) at = tryAt;
    return at;
  }

  #backOff(now: Instant, known: Known): void {
    const delayMs = Math.min(DIAL_RETRY_MS_MAX, DIAL_RETRY_MS_MIN * 2 ** Math.min(known.failures, 16));
    known.failures++;
    known.tryAt = after(now.mono, jittered(this.#random, delayMs, 0.3));
  }

  #seekSoon(): void {
    this.#seekPauseMs = SEEK_MS_MIN;
    this.#seekAt = undefined;
  }

  #lookSoon(now: Instant): void {
    this.#lookAt = now.mono;
  }
}

/** Worth a dial although there are links enough. */
function isSought({ state, candidate: { source } }: Known): boolean {
  return state === 'lost' || (state === 'new' && (source === 'bootstrap' || source === 'authority'));
}

/** Who is not named may be the one that we found there before, unless nobody was to be found there lately. */
function isOldNews(have: Known, { nodeId }: Candidate): boolean {
  return nodeId === undefined ? have.state !== 'lost' : have.candidate.nodeId === nodeId;
}
