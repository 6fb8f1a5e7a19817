import { SECOND_MS } from '../base/time.ts';
import type { NodeSettings } from '../node/node-options.ts';
import { AcceptedOnce } from './checkers/accepted-once.ts';
import { Answered } from './checkers/answered.ts';
import { Bounded } from './checkers/bounded.ts';
import { Delivery } from './checkers/delivery.ts';
import { Genuine } from './checkers/genuine.ts';
import { ROUND_MS, type ScenarioOptions, type ScenarioResult } from './scenario.ts';
import { RisingStreams } from './checkers/rising-streams.ts';
import type { SimulatedNode } from './members/simulated-node.ts';
import { World } from './world.ts';

/** A world in which nobody finds anybody within this time is broken. @tuning */
const MEETING_MS_MAX = 60 * SECOND_MS;
/** After the first links: time for the rest of them, and for pulls to slow down. */
const QUIET_MS = 8 * SECOND_MS;
/** Watched on after all is delivered, so that what comes too often is seen as well. */
const AFTERMATH_MS = 5 * SECOND_MS;
/** One way of a piece, so many times, fits into a round; a pull and its answer take four, and may have to wait. @tuning */
const WAYS_PER_ROUND = 8;
/**
 * What a delivery takes on average, with so much more for each doubling of the mesh: twice what it was found to be where
 * nodes push, and half of what it is where they only pull. @tuning
 */
const MEAN_ROUNDS = 0.3;
const MEAN_ROUNDS_A_DOUBLING = 0.08;
/** The average of fewer is chance. @tuning */
const MEAN_OF_MIN = 100;
/** Where nodes are killed and links break, a place that was silent is dialled again after a minute at most. @tuning */
const DISTURBED_ROUNDS = 60;
/** A killed node stays away for so long: between these, by chance. @tuning */
const AWAY_MS_MIN = SECOND_MS;
const AWAY_MS_MAX = 10 * SECOND_MS;

/** Up to this size nodes publish records where a story wants them, a message a node, and bursts: held by every node. @tuning */
const ANNOUNCING_NODES_MAX = 200;

/** What is said at once in a burst: half as much again as may be under way on a link. @tuning */
const BURST_MESSAGES = 26;
const BURST_CHARACTERS = 15_000;

/** Characters of three bytes, as many as the value of an indicator takes besides 64 hex digits. */
const PADDING = '\u20ac'.repeat(448);

type Tell = (progress: string) => void;

/** What a story wants of its world. */
export interface StoryNeeds {
  /** Whether nodes publish records of themselves, where there are not too many. */
  readonly records?: boolean;
  /** So many of the members are hostile; the others are nodes. */
  readonly hostile?: number;
  /** Of every node; else as in the field. */
  readonly settings?: Partial<NodeSettings>;
}

/** A world with the checkers that every scenario wants, and the steps that scenarios are made of. */
export class Story {
  readonly world: World;
  readonly delivery: Delivery;
  readonly #options: ScenarioOptions;
  readonly #tell: Tell;
  readonly #answered: Answered;
  readonly #bounded: Bounded;
  readonly #violations: string[] = [];
  #stepsToCome = 0;
  #publishings = 0;

  private constructor(world: World, options: ScenarioOptions, tell: Tell) {
    this.world = world;
    this.#options = options;
    this.#tell = tell;
    this.delivery = world.watch(new Delivery());
    this.#answered = world.watch(new Answered());
    world.watch(new AcceptedOnce());
    world.watch(new RisingStreams());
    const { nodes, hostile, checks } = world;
    world.watch(new Genuine([...nodes, ...hostile], (key, message) => checks.verifyMessage(key, message)));
    this.#bounded = world.watch(new Bounded());
  }

  static async begin(options: ScenarioOptions, needs: StoryNeeds = {}, tell: Tell = () => undefined): Promise<Story> {
    const { seed, latencyMsMin, latencyMsMax, lossRatio } = options;
    const { records = false, hostile = 0 } = needs;
    // What is learned of addresses by them costs a message a node, held by every node.
    const announces = records && options.nodes <= ANNOUNCING_NODES_MAX;
    const settings = { announces, ...needs.settings };
    const nodes = options.nodes - hostile;
    tell(`making ${options.nodes} members and their certificates`);
    const conditions = { latencyMsMin, latencyMsMax, lossRatio };
    const world = await World.create({ seed, nodes, hostile, settings, ...conditions });
    return new Story(world, options, tell);
  }

  /**
   * How long the slowest delivery took since {@link Delivery.startMeasuring}: an attack must not slow them down.
   *
   * @param rounds under the conditions that are the default; where ways are longer, more is lost or nodes are killed, it
   *   may be more.
   */
  expectWithin(rounds: number, what: string): void {
    this.expectRounds(rounds, this.delivery.worstDelayMs, `${what}: a message took`);
  }

  /** That most nodes got most messages by pushes: those that had to wait for a pull are few, where a pull is slower. */
  expectPushed(what: string): void {
    const { delays, meanDelayMs } = this.delivery;
    if (delays < MEAN_OF_MIN || this.#options.latencyMsMax >= ROUND_MS / 2) return; // as slow as a pull, and no worse
    const rounds = MEAN_ROUNDS + MEAN_ROUNDS_A_DOUBLING * Math.log2(this.#options.nodes);
    this.expectRounds(rounds, meanDelayMs, `${what}: on average a message took`);
  }

  /** As {@link expectWithin}, of something else that took its time. */
  expectRounds(rounds: number, tookMs: number, what: string): void {
    const { latencyMsMax, lossRatio, restarts, linkBreaks } = this.#options;
    const roundMs = Math.max(ROUND_MS, WAYS_PER_ROUND * latencyMsMax) / (1 - lossRatio) ** 2;
    const max = (rounds * roundMs) / ROUND_MS + (restarts + linkBreaks > 0 ? DISTURBED_ROUNDS : 0);
    const took = tookMs / ROUND_MS;
    if (took > max) this.fault(`${what} ${took.toFixed(1)} rounds, expected at most ${max.toFixed(1)}`);
  }

  /** Says how far the story is, with the time in its world. */
  tell(progress: string): void {
    this.#tell(`${(this.world.time.nowMs / SECOND_MS).toFixed(1)} s: ${progress}`);
  }

  /** What was found beyond the checkers. */
  fault(text: string): void {
    this.#violations.push(text);
  }

  /** All nodes start and find each other. @param apart who is not expected to find anybody. */
  meet(apart: ReadonlySet<SimulatedNode> = new Set()): void {
    const { world } = this;
    world.startAll();
    const lonely = (): SimulatedNode[] =>
      world.nodes.filter((node) => !node.isUp || (node.node.links.length === 0 && !apart.has(node)));
    for (let waitedMs = 0; waitedMs < MEETING_MS_MAX && (waitedMs === 0 || lonely().length > 0); waitedMs += SECOND_MS)
      world.run(SECOND_MS);
    this.tell(`${world.nodes.filter(({ isUp }) => isUp).length} nodes have started and dialled`);
    if (world.nodes.length > 1) for (const { name } of lonely()) this.fault(`${name} found nobody`);
    world.run(QUIET_MS);
    const links = world.nodes.reduce((sum, node) => sum + node.node.links.length, 0);
    this.tell(
      `${world.nodes.length} nodes have found each other, ${(links / world.nodes.length).toFixed(1)} links each`,
    );
  }

  /**
   * Messages are published at random nodes and times within the span; `by` narrows down by whom.
   *
   * @param isLarge whether they are so large that peers are asked before they are sent them.
   */
  publishWithin(
    spanMs: number,
    count = this.#options.messages,
    by: readonly SimulatedNode[] = this.world.nodes,
    isLarge = false,
  ): void {
    const random = this.world.random.fork(`publish ${this.#publishings++}`);
    for (let i = 0; i < count; i++) {
      this.step(random.below(spanMs), () => {
        const up = by.filter(({ isUp }) => isUp);
        up[random.below(Math.max(1, up.length))]?.publish(random.bytes(32).toHex() + (isLarge ? PADDING : ''));
      });
    }
  }

  /** One of them says more at once, in large messages, than may be under way on a link: they have to wait for each other. */
  burst(by: readonly SimulatedNode[]): void {
    if (this.#options.nodes > ANNOUNCING_NODES_MAX) return;
    const random = this.world.random.fork('burst');
    const up = by.filter(({ isUp }) => isUp);
    const node = up[random.below(Math.max(1, up.length))];
    for (let i = 0; i < BURST_MESSAGES; i++)
      node?.publish(random.bytes(BURST_CHARACTERS / 2).toHex(), undefined, 'sensor/burst');
  }

  /** Nodes are killed and come back, and connections break, as the options say; `among` narrows down whose. */
  disturbWithin(spanMs: number, among: readonly SimulatedNode[] = this.world.nodes): void {
    const { restarts, linkBreaks } = this.#options;
    const random = this.world.random.fork(`disturb ${this.world.time.nowMs}`);
    for (let i = 0; i < restarts; i++) {
      this.step(random.below(spanMs), () => {
        const up = among.filter(({ isUp }) => isUp);
        const node = up[random.below(Math.max(1, up.length))];
        if (node === undefined) return;
        node.stop();
        this.step(random.between(AWAY_MS_MIN, AWAY_MS_MAX), () => node.start());
      });
    }
    for (let i = 0; i < linkBreaks; i++) this.step(random.below(spanMs), () => this.world.network.breakOne(random));
  }

  /** Something that is to happen before the story may end. */
  step(inMs: number, action: () => void): void {
    this.#stepsToCome++;
    this.world.time.after(inMs, () => {
      this.#stepsToCome--;
      action();
    });
  }

  /** Goes on until all steps are taken, all programs are answered and `isDone`, but not for ever. */
  runUntilDone(limitMs: number, isDone: () => boolean): void {
    const done = this.world.run(limitMs, () => this.#stepsToCome === 0 && this.#answered.isComplete && isDone());
    if (!done) this.fault(`not everything is where it should be after ${limitMs / SECOND_MS} s`);
    this.tell(done ? 'all is where it should be' : 'given up');
  }

  end(scenario: string, spreadMs: number = this.delivery.worstDelayMs): ScenarioResult {
    const { world } = this;
    world.run(AFTERMATH_MS);
    const { traceSha256, violations } = world.finish();
    const all = [...this.#violations, ...violations];
    return {
      scenario,
      seed: this.#options.seed,
      nodes: this.#options.nodes,
      ok: all.length === 0,
      rounds: Math.round((100 * spreadMs) / ROUND_MS) / 100,
      deliveredRatio: this.delivery.ratio,
      traceSha256,
      violations: all,
      counters: {
        virtualMs: world.time.nowMs,
        actions: world.time.actions,
        deliveries: this.delivery.deliveries,
        signatureChecks: world.checks.made,
        bytesSent: world.network.bytesSent,
        heldMost: this.#bounded.heldMost,
      },
    };
  }
}
