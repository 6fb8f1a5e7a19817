import type { Bytes } from '../../../src/base/bytes.ts';
import type { SeededRandom } from '../../../src/sim/seeded-random.ts';

/** Makes one input out of valid ones. */
export type Mutator = (random: SeededRandom, corpus: readonly Bytes[]) => Bytes;

/** A parser with its valid inputs, ready to be fed. */
export interface FuzzSubject {
  /** Valid inputs; the run checks first that each is taken. */
  readonly corpus: readonly Bytes[];
  /** One is drawn for each input. */
  readonly mutators: readonly Mutator[];
  /**
   * Returns where the input is taken, throws a MeshError where it is refused; anything else that is thrown is a bug,
   * a broken property (`encode(decode(b)) = b`) among them.
   */
  readonly feed: (input: Bytes) => void | Promise<void>;
  /** The input that a regression means which is kept as SQL, because the file it makes is long. */
  readonly afterSql?: (sql: string) => Bytes;
  readonly close?: () => void | Promise<void>;
}

export interface FuzzTarget {
  /** Also the folder of its regressions. */
  readonly name: string;
  /** Inputs in `npm test`. */
  readonly inputs: number;
  /** Inputs in `npm run soak`: a million, fewer where each one opens files. */
  readonly soakInputs: number;
  /** Inputs for one subject; then a new one is opened, because a subject with a state grows. */
  readonly inputsPerSubject?: number;
  readonly open: () => Promise<FuzzSubject>;
}
