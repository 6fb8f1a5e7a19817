import { SECOND_MS } from '../base/time.ts';
import { parseMeshName } from '../identity/mesh-name.ts';
import type { NodeId } from '../identity/node-id.ts';
import type { NodeSettings } from '../node/node-options.ts';
import { HostileMember } from './hostile/hostile-member.ts';
import { type LinkConditions, SimulatedNetwork } from './network/network.ts';
import { SeededRandom } from './seeded-random.ts';
import { SharedChecks } from './members/shared-checks.ts';
import { SimulatedAuthority, type SimulatedIdentity } from './members/simulated-authority.ts';
import { type Neighbour, type NodeSurroundings, SimulatedNode } from './members/simulated-node.ts';
import { randomRings } from './network/topology.ts';
import { Trace } from './trace.ts';
import { VirtualTime, WORLD_BEGINS_AT } from './virtual-time.ts';
import type { Checker, WorldEvent } from './world-event.ts';

const MESH = parseMeshName('simulated');
/** Nodes of a world start within this time of its beginning, in random order. */
const STARTS_WITHIN_MS = 2 * SECOND_MS;

export interface WorldOptions extends LinkConditions {
  /** Everything by chance in this world follows from it. */
  readonly seed: number;
  readonly nodes: number;
  /** Members, besides the nodes, that do not run the program. They are named to the nodes like all others. */
  readonly hostile?: number;
  /** Of every node; else as in the field. */
  readonly settings?: Partial<NodeSettings>;
}

/** Nodes, their network and their authority in one process, on virtual time. Equal options give an equal history. */
export class World {
  readonly options: WorldOptions;
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly authority: SimulatedAuthority;
  readonly checks: SharedChecks;
  readonly nodes: readonly SimulatedNode[];
  readonly hostile: readonly HostileMember[];
  /** For whoever drives the world: what it does by chance. */
  readonly random: SeededRandom;
  readonly #checkers: Checker[] = [];
  readonly #trace = new Trace();
  readonly #surroundings: NodeSurroundings;
  #clones = 0;

  private constructor(parts: WorldParts) {
    this.options = parts.options;
    this.time = parts.time;
    this.network = parts.network;
    this.authority = parts.authority;
    this.checks = parts.checks;
    this.random = parts.random.fork('scenario');
    this.#surroundings = {
      time: parts.time,
      network: parts.network,
      checks: parts.checks,
      trust: parts.authority.trust,
      settings: parts.options.settings ?? {},
      emit: (event) => this.emit(event),
      turnEnded: (node) => this.#turnEnded(node),
    };
    const { time, network, random } = parts;
    const { mesh } = parts.authority.trust;
    this.nodes = parts.identities.map(
      (identity, index) => new SimulatedNode(index, identity, this.#surroundings, random.fork(`node ${index}`)),
    );
    this.hostile = parts.hostileIdentities.map(
      (identity, index) =>
        new HostileMember(`h${index}`, identity, { mesh, time, network }, random.fork(`hostile ${index}`)),
    );
    const members = [...this.nodes, ...this.hostile];
    for (const [a, b] of randomRings(members.length, random.fork('topology'))) {
      this.nodes[a]?.addNeighbour(members[b] as Neighbour);
      this.nodes[b]?.addNeighbour(members[a] as Neighbour);
    }
  }

  /** Makes keys and certificates for all nodes; none of them has started yet. */
  static async create(options: WorldOptions): Promise<World> {
    const random = new SeededRandom(`chainmail world ${options.seed}`);
    const checks = new SharedChecks();
    const time = new VirtualTime();
    const network = new SimulatedNetwork(time, random.fork('network'), options);
    const keySeed = `chainmail simulated keys ${options.seed}`;
    const authority = await SimulatedAuthority.create(
      MESH,
      keySeed,
      random.fork('authority'),
      WORLD_BEGINS_AT,
      checks.checkX509,
    );
    const identities = [];
    for (let index = 0; index < options.nodes; index++)
      identities.push(await authority.enroll(`n${index}`, WORLD_BEGINS_AT));
    const hostileIdentities = [];
    for (let index = 0; index < (options.hostile ?? 0); index++)
      hostileIdentities.push(await authority.enroll(`h${index}`, WORLD_BEGINS_AT));
    return new World({ options, time, network, authority, checks, random, identities, hostileIdentities });
  }

  watch<C extends Checker>(checker: C): C {
    this.#checkers.push(checker);
    return checker;
  }

  /** A second machine with the identity of a node, and with what that node has on its disk: it has not started yet. */
  clone(node: SimulatedNode): SimulatedNode {
    const index = this.nodes.length + this.#clones++;
    return node.cloneAs(index, this.random.fork(`clone ${index}`));
  }

  /** Lets every node start at a time of its own within the first two seconds from now. */
  startAll(): void {
    const random = this.random.fork('starts');
    for (const node of this.nodes) this.time.after(random.below(STARTS_WITHIN_MS), () => node.start());
  }

  /** @returns true where `isDone` ended the run before `spanMs` had passed. */
  run(spanMs: number, isDone?: () => boolean): boolean {
    return this.time.runUntil(this.time.nowMs + spanMs, isDone);
  }

  /**
   * Divides the nodes into islands that do not hear each other, nearly equal.
   *
   * @returns who is on which.
   */
  partition(count: number): readonly ReadonlySet<SimulatedNode>[] {
    const islandOf = new Map<NodeId, number>();
    for (const [place, { nodeId }] of this.random.shuffled(this.nodes).entries()) islandOf.set(nodeId, place % count);
    // Who knows none of those on its island would not find them: it is on that of one whom it knows.
    if (this.nodes.length > 2 * count)
      for (const { nodeId, neighbours } of this.nodes) {
        const known = neighbours.flatMap((neighbour) => islandOf.get(neighbour.nodeId) ?? []);
        const [elsewhere] = known;
        if (elsewhere !== undefined && !known.includes(islandOf.get(nodeId) ?? elsewhere))
          islandOf.set(nodeId, elsewhere);
      }
    const islands = Array.from({ length: count }, () => new Set<SimulatedNode>());
    for (const node of this.nodes) islands[islandOf.get(node.nodeId) ?? 0]?.add(node);
    this.network.partition(new Map(islands.flatMap((island, number) => [...island].map((node) => [node, number]))));
    this.emit({ tag: 'partitioned', islands: count });
    return islands;
  }

  heal(): void {
    this.network.heal();
    this.emit({ tag: 'healed' });
  }

  /** Revokes members at the authority. @returns the list; who hears of it first is for the caller to say. */
  async revoke(members: readonly (SimulatedNode | HostileMember)[]): Promise<Uint8Array> {
    const der = await this.authority.revoke(
      members.map(({ chain }) => chain),
      this.time.instant().wall,
    );
    const nodeIds = new Set(members.map(({ nodeId }) => nodeId));
    this.emit({ tag: 'revoked', nodeIds, crlNumber: this.authority.crlNumber });
    return der;
  }

  emit(event: WorldEvent): void {
    this.#trace.add(this.time.nowMs, event);
    for (const checker of this.#checkers) checker.handle(this.time.nowMs, event);
  }

  /** Asks the checkers for what they see only at the end. @returns SHA-256 of the trace and what must not be. */
  finish(): { readonly traceSha256: string; readonly violations: readonly string[] } {
    for (const checker of this.#checkers) checker.finish?.(this.time.nowMs);
    return { traceSha256: this.#trace.digest(), violations: this.#checkers.flatMap(({ violations }) => violations) };
  }

  #turnEnded(node: SimulatedNode): void {
    for (const checker of this.#checkers) checker.turnEnded?.(this.time.nowMs, node);
  }
}

interface WorldParts {
  readonly options: WorldOptions;
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly authority: SimulatedAuthority;
  readonly checks: SharedChecks;
  readonly random: SeededRandom;
  readonly identities: readonly SimulatedIdentity[];
  readonly hostileIdentities: readonly SimulatedIdentity[];
}
