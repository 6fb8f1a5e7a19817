import type { Bytes } from '../../base/bytes.ts';
import { after, type MonotonicMs } from '../../base/time.ts';
import type { NodeChange, NodeStore } from '../../ports/node-store.ts';

/** Changes in one group. A group is one transaction, so this bounds how long one commit takes. */
export const GROUP_CHANGES_MAX = 1_000;

/** Changes that may wait for a store that is slow or fails. Above, nothing new is taken in: peers keep it for us. */
export const BACKLOG_CHANGES_MAX = 20_000;

/** Commits follow each other no faster: a program that waits alone does not notice, and many share one. @tuning */
export const COMMIT_PACE_MS = 5;

/**
 * Messages that no program waits for are written this long after the last commit: each one costs as much as two
 * to six checked signatures, and wears out a memory card. What a crash takes of them the neighbours still have. @tuning
 */
export const GATHER_MS = 200;

/** Asks for a group of changes to be made durable; exactly one `handlePersisted` with the ticket follows. */
export type Persist = (ticket: number, changes: readonly NodeChange[]) => void;

/**
 * What is to be kept, in groups: one group is under way at a time, and the next gathers meanwhile, so that a
 * busy node pays for one fsync where many messages arrive together. How soon a group goes off is decided here, for the
 * field and the simulator alike.
 */
export class Journal {
  readonly #store: NodeStore;
  readonly #persist: Persist;
  readonly #pending = new Map<number, Bytes>();
  #gathering: NodeChange[] = [];
  #waiting: ((ok: boolean) => void)[] = [];
  #underWay:
    | {
        readonly ticket: number;
        readonly changes: readonly NodeChange[];
        readonly waiting: readonly ((ok: boolean) => void)[];
      }
    | undefined;
  #nextTicket = 1;
  #isStalled = false;
  #savedAt = Number.NEGATIVE_INFINITY as MonotonicMs;
  /** Something has gathered that is no message, or was tried before. */
  #isPressing = false;

  constructor(store: NodeStore, persist: Persist) {
    this.#store = store;
    this.#persist = persist;
  }

  /** Changes not yet durable. */
  get backlog(): number {
    return this.#gathering.length + (this.#underWay?.changes.length ?? 0);
  }

  /** True where nothing more should be taken in for now. */
  get isFull(): boolean {
    return this.backlog >= BACKLOG_CHANGES_MAX;
  }

  add(change: NodeChange): void {
    this.#gathering.push(change);
    if (change.tag === 'put-message') this.#pending.set(change.message.arrival, change.message.bytes);
    else if (change.tag !== 'drop-message') this.#isPressing = true;
  }

  /** Calls back once everything added so far is durable, or could not be made so. */
  whenDurable(answer: (ok: boolean) => void): void {
    if (this.backlog === 0) answer(true);
    else if (this.#gathering.length > 0) this.#waiting.push(answer);
    else this.#underWay = this.#underWay && { ...this.#underWay, waiting: [...this.#underWay.waiting, answer] };
  }

  /** The bytes of a message, whether or not it is durable yet. */
  read(arrival: number): Bytes | undefined {
    return this.#pending.get(arrival) ?? this.#store.read(arrival);
  }

  /**
   * When {@link flush} is to write what has gathered: soon where a program waits for it, where it is no message, or where
   * there is a whole group of it. `undefined` while a group is under way, or the store has just failed.
   */
  deadline(): MonotonicMs | undefined {
    if (this.#isStalled || this.#underWay !== undefined || this.#gathering.length === 0) return undefined;
    const isUrgent = this.#isPressing || this.#waiting.length > 0 || this.#gathering.length >= GROUP_CHANGES_MAX;
    return after(this.#savedAt, isUrgent ? COMMIT_PACE_MS : GATHER_MS);
  }

  /** Sends off what has gathered, where its time has come. */
  flush(now: MonotonicMs): void {
    const dueAt = this.deadline();
    if (dueAt === undefined || now < dueAt) return;
    this.#savedAt = now;
    const changes = this.#gathering.splice(0, GROUP_CHANGES_MAX);
    const isAll = this.#gathering.length === 0;
    const waiting = isAll ? this.#waiting.splice(0) : [];
    if (isAll) this.#isPressing = false;
    const ticket = this.#nextTicket++;
    this.#underWay = { ticket, changes, waiting };
    this.#persist(ticket, changes);
  }

  /** All that has gathered and is not under way, for one last write: its answer interests nobody any more. */
  takeGathered(): readonly NodeChange[] {
    return this.#gathering.splice(0);
  }

  /**
   * @param ok false where the store failed. What was to be written is kept, first in line for the next try after
   *   {@link resume}; who waits is told now that it is not durable.
   */
  handlePersisted(ticket: number, ok: boolean): void {
    if (this.#underWay?.ticket !== ticket) return;
    const { changes, waiting } = this.#underWay;
    this.#underWay = undefined;
    if (ok) {
      for (const change of changes) if (change.tag === 'put-message') this.#pending.delete(change.message.arrival);
      for (const answer of waiting) answer(true);
      return;
    }
    this.#isStalled = true;
    this.#isPressing = true;
    this.#gathering = [...changes, ...this.#gathering];
    for (const answer of [...waiting, ...this.#waiting.splice(0)]) answer(false);
    this.#forgetDropped();
  }

  /**
   * What was dropped before it was written need not be written: a full disk has no room for it. The drop stays, because a
   * store that says it failed may have written all the same.
   */
  #forgetDropped(): void {
    const dropped = new Set<number>();
    for (const change of this.#gathering) if (change.tag === 'drop-message') dropped.add(change.arrival);
    if (dropped.size === 0) return;
    this.#gathering = this.#gathering.filter((change) => {
      if (change.tag !== 'put-message' || !dropped.has(change.message.arrival)) return true;
      this.#pending.delete(change.message.arrival);
      return false;
    });
  }

  /** The store may be tried again. */
  resume(): void {
    this.#isStalled = false;
  }
}
