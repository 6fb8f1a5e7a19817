import { Remembered } from '../remembered.ts';
import type { Statements } from '../statements.ts';

/**
 * Places of nodes in their table, in the order of their binding. What an enrolment has just learnt of its node is not
 * looked up again: that it is new, and where it was put.
 */
export class NodePlaces {
  readonly #db: Statements;
  readonly #absent: Remembered<string>;
  readonly #added: Remembered<{ readonly nodeId: string; readonly place: number }>;
  readonly #last: Remembered<number>;

  constructor(db: Statements) {
    this.#db = db;
    this.#absent = new Remembered(db.changes);
    this.#added = new Remembered(db.changes);
    this.#last = new Remembered(db.changes);
  }

  /** The highest place; 0 where there is no node. */
  get last(): number {
    return (this.#last.value ??= this.#db.one('SELECT max(place) AS last FROM nodes')?.numberOrNone('last') ?? 0);
  }

  placeOf(nodeId: string): number | undefined {
    const added = this.#added.value;
    if (added?.nodeId === nodeId) return added.place;
    return this.#db.one('SELECT place FROM nodes WHERE node_id = ?', nodeId)?.number('place');
  }

  noteAbsent(nodeId: string): void {
    this.#absent.value = nodeId;
  }

  isAbsent(nodeId: string): boolean {
    return this.#absent.value === nodeId;
  }

  noteAdded(nodeId: string, place: number): void {
    this.#absent.value = undefined;
    this.#added.value = { nodeId, place };
    this.#last.value = place;
  }
}
