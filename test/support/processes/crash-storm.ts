import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ticketCreatedSchema } from '../../../src/api/authority.ts';
import { textOfUtf8 } from '../../../src/base/bytes.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { NodeProcess } from './node-process.ts';
import { newCsr, StormAuthority, type StormAnswer, untilAnswered } from './storm-authority.ts';
import { checkEnrolments, checkMessages, checkRevocations } from './storm-checks.ts';
import { type Enrolment, StormLedger } from './storm-ledger.ts';

const NODES = 3;
/** Work between two kills: long enough for commits to be under way, short enough for many kills. */
const WORK_MS_MIN = 50;
const WORK_MS_MAX = 500;
/** How long after a request was sent the kill falls: it is read, judged, written and answered within this. */
const ASKED_MS_MAX = 12;
/** A process that is to die of its next request gets one within this, or dies without. */
const ARMED_MS_MAX = 1_000;
/** Starts of one process that are killed, one after another. */
const STARTS_KILLED_MAX = 2;
/** Of the first start that is killed; then as long as the last one took. */
const START_MS_FIRST = 1_000;
const PUBLISHERS = 2;
const ENROLLERS = 2;
const RETRY_MS = 30;
/** What is said is read back after every kill, so it must not be too much. */
const PUBLISH_PAUSE_MS_MAX = 300;
/** Each enrolment is asked for three times more at the end. */
const ENROL_PAUSE_MS_MAX = 400;
/** Every so many enrolled nodes one is revoked. */
const REVOKED_EACH = 3;
const LOOK_PAUSE_MS_MAX = 100;
/** Where the answer to an enrolment was lost, somebody else comes with the same ticket so often. */
const OTHER_KEY_SHARE = 0.3;

type Victim = NodeProcess | StormAuthority;
/** When a process dies: whenever it may be, soon after it was asked something, or in the moment of an answer. */
const MOMENTS = ['anytime', 'asked', 'answered', 'answered'] as const;
type Moment = (typeof MOMENTS)[number];

/** How much there was to lose, and how often a kill fell where it could do harm. */
export interface StormSummary {
  readonly messages: number;
  readonly enrolments: number;
  readonly revocations: number;
  /** Revocation lists that somebody saw. */
  readonly lists: number;
  /** Messages that were stored and nobody was told of: kills between the write and the answer. */
  readonly untold: number;
  readonly startsKilled: number;
}

/**
 * An authority and nodes as processes, all at work, one of them killed with -9 again and again. What was acknowledged is
 * written down, and {@link check} holds the processes to it.
 */
export class CrashStorm {
  readonly #random: SeededRandom;
  readonly #authority: StormAuthority;
  readonly #nodes: NodeProcess[] = [];
  readonly #ledger = new StormLedger();
  #isOver = false;
  #count = 0;
  #untold = 0;
  #startsKilled = 0;
  /** How long the last start took. */
  #startMs = START_MS_FIRST;
  /** The next request to this process, or the next answer, is its last. */
  #armed: { readonly victim: Victim; readonly moment: Moment; readonly strike: () => void } | undefined;

  private constructor(authority: StormAuthority, seed: number) {
    this.#random = new SeededRandom(String(seed));
    this.#authority = authority;
    authority.onAsking = () => this.#handle(authority, 'asked');
    authority.onAnswered = () => this.#handle(authority, 'answered');
  }

  static async start(folder: string, seed: number): Promise<CrashStorm> {
    const storm = new CrashStorm(await StormAuthority.start(folder), seed);
    for (let i = 0; i < NODES; i++) {
      const node = await NodeProcess.enroll(folder, `n${i}`, storm.#authority.dir);
      storm.#nodes.push(node);
      await node.run();
    }
    return storm;
  }

  /** Works and kills. Each process that was killed starts again before the next is. */
  async kill(times: number): Promise<void> {
    const work = [
      ...this.#nodes.flatMap((node) => Array.from({ length: PUBLISHERS }, () => this.#publish(node))),
      ...Array.from({ length: ENROLLERS }, () => this.#enrol()),
      this.#revoke(),
      this.#look(),
    ];
    try {
      for (let i = 0; i < times; i++) {
        await pause(this.#random.between(WORK_MS_MIN, WORK_MS_MAX));
        const victim = this.#nodes[this.#random.below(NODES + 2)] ?? this.#authority;
        await this.#until(this.#anyOf(MOMENTS), victim);
        await this.#crash(victim);
        this.#ledger.assertClean();
      }
    } finally {
      this.#isOver = true;
      await Promise.all(work);
    }
  }

  get summary(): StormSummary {
    const { said, enrolments, revoked, lists } = this.#ledger;
    return {
      messages: said.size,
      enrolments: enrolments.filter(({ certificate }) => certificate !== undefined).length,
      revocations: revoked.size,
      lists,
      untold: this.#untold,
      startsKilled: this.#startsKilled,
    };
  }

  /** @throws where something that was acknowledged is lost, or anything was given twice. */
  async check(): Promise<void> {
    this.#untold = await checkMessages(this.#ledger, this.#nodes);
    await checkEnrolments(this.#ledger, this.#authority);
    await checkRevocations(this.#ledger, this.#authority);
    this.#ledger.assertClean();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#authority.leave(), ...this.#nodes.map((node) => node.end('SIGKILL'))]);
  }

  // ---- kills ---------------------------------------------------------------------------------------------------

  /** A kill, perhaps some more before the process stands again, and what it still knows then. */
  async #crash(victim: Victim): Promise<void> {
    await victim.end('SIGKILL');
    const before = victim instanceof NodeProcess ? this.#saidBy(victim) : undefined;
    for (let more = this.#random.below(STARTS_KILLED_MAX + 1); more > 0; more--) await this.#killStart(victim);
    const startedAt = performance.now();
    await victim.run();
    this.#startMs = performance.now() - startedAt;
    if (before === undefined || !(victim instanceof NodeProcess)) return;
    const listed = await victim.listed();
    for (const id of before) assert.ok(listed.has(id), `${id} was acknowledged and is lost`);
  }

  /** In the later part of a start: before that the program is only being read. */
  async #killStart(victim: Victim): Promise<void> {
    const started = victim.run().then(
      () => false,
      () => true,
    );
    await pause(this.#random.between(Math.floor(this.#startMs / 3), Math.ceil(this.#startMs)));
    await victim.end('SIGKILL');
    if (await started) this.#startsKilled++;
  }

  /** An answer is the last thing that the process does: whatever it says there must hold. */
  async #until(moment: Moment, victim: Victim): Promise<void> {
    if (moment === 'anytime') return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const strike = (): void => {
      if (moment === 'answered') void victim.end('SIGKILL');
      resolve();
    };
    this.#armed = { victim, moment, strike };
    await Promise.race([promise, pause(ARMED_MS_MAX)]);
    this.#armed = undefined;
    if (moment === 'asked') await pause(this.#random.below(ASKED_MS_MAX));
  }

  #handle(process: Victim, moment: Moment): void {
    if (this.#armed?.victim === process && this.#armed.moment === moment) this.#armed.strike();
  }

  #saidBy({ nodeId }: NodeProcess): ReadonlySet<string> {
    return new Set(this.#ledger.said.keys().filter((id) => id.startsWith(`${nodeId}.`)));
  }

  // ---- work ----------------------------------------------------------------------------------------------------

  async #publish(node: NodeProcess): Promise<void> {
    while (!this.#isOver) {
      const text = `said ${this.#count++}`;
      const asked = node.publish(text);
      this.#handle(node, 'asked');
      const answer = await asked.catch(() => undefined); // killed before it answered: nothing was promised
      if (answer !== undefined) this.#handle(node, 'answered');
      if (answer?.status === 201) this.#ledger.noteMessage(String(answer.json['message_id']), text);
      await pause(answer === undefined ? RETRY_MS : this.#random.below(PUBLISH_PAUSE_MS_MAX));
    }
  }

  async #enrol(): Promise<void> {
    while (!this.#isOver) {
      const enrolment: Enrolment = { token: await this.#ticket(), asked: [await newCsr()], refused: new Set() };
      this.#ledger.enrolments.push(enrolment);
      while (!this.#isOver && enrolment.certificate === undefined) await this.#enrolOnce(enrolment);
      await pause(this.#random.below(ENROL_PAUSE_MS_MAX));
    }
  }

  /**
   * The answer may be lost in a kill: whoever asks again with the same key gets what it had. Others may have come in between
   * with the same ticket: one of them all has it, whoever that is.
   */
  async #enrolOnce(enrolment: Enrolment): Promise<void> {
    const { token, asked, refused } = enrolment;
    const csr = this.#anyOf(asked.filter((each) => !refused.has(each)));
    const answer = await this.#authority.ask({ method: 'POST', path: '/v1/enroll', body: { token, csr } });
    if (answer === undefined) {
      if (this.#random.chance(OTHER_KEY_SHARE)) asked.push(await newCsr());
      return;
    }
    const text = textOfUtf8(answer.body);
    if (answer.status === 200) {
      const { certificate, node_id } = JSON.parse(text) as { certificate: string; node_id: string };
      this.#ledger.noteCertificate(certificate);
      Object.assign(enrolment, { csr, certificate, nodeId: node_id });
      return;
    }
    refused.add(csr);
    if (refused.size < asked.length) return;
    this.#ledger.noteFault(`a ticket that nobody has used gave ${answer.status}: ${text}`);
    this.#isOver = true;
  }

  async #revoke(): Promise<void> {
    for (let next = 0; !this.#isOver; await pause(RETRY_MS)) {
      const nodeId = this.#ledger.enrolments[next]?.nodeId;
      if (nodeId === undefined) continue;
      // Asked until it is answered, also when all is over: whether the last one was done must be known.
      const answer = await untilAnswered(() => this.#administrate('/v1/revoke', { node_id: nodeId }));
      if (answer.status === 204) this.#ledger.revoked.set(nodeId, Number(answer.crlNumber));
      else this.#ledger.noteFault(`a revocation gave ${answer.status}: ${textOfUtf8(answer.body)}`);
      next += REVOKED_EACH;
    }
  }

  /** Sees the lists as they come: what a kill between signing and storing brings twice is seen by nobody later. */
  async #look(): Promise<void> {
    for (; !this.#isOver; await pause(this.#random.below(LOOK_PAUSE_MS_MAX))) {
      const answer = await this.#authority.administrate({ method: 'GET', path: '/v1/crl' });
      if (answer?.status === 200) this.#ledger.noteList(answer.body);
    }
  }

  async #ticket(): Promise<string> {
    const answer = await untilAnswered(() => this.#administrate('/v1/tickets', {}));
    return ticketCreatedSchema.parse(JSON.parse(textOfUtf8(answer.body))).ticket.token;
  }

  #administrate(path: string, body: object): Promise<StormAnswer | undefined> {
    return this.#authority.administrate({ method: 'POST', path, body });
  }

  #anyOf<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }
}

/** A storm of so many kills, after which everything acknowledged is there and nothing was given twice. */
export async function surviveCrashes(t: TestContext, folder: string, kills: number): Promise<void> {
  const storm = await CrashStorm.start(folder, Date.now());
  t.after(() => storm.end());
  await storm.kill(kills);
  await storm.check();
  const { messages, enrolments } = storm.summary;
  t.diagnostic(JSON.stringify(storm.summary));
  assert.ok(messages > 0 && enrolments > 0);
}
