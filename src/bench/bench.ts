/** One comparison. `ratio` above 1 always means better than the yardstick. */
export interface BenchResult {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  readonly yardstick: string;
  readonly yardstick_value: number;
  readonly ratio: number;
}

/** Says to people what goes on. */
export type Note = (text: string) => void;

/** A benchmark: both sides measured in one run, in turns, because machines are shared and change their pace. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  readonly run: (note: Note, scale: BenchScale) => Promise<readonly BenchResult[]>;
}

export interface BenchScale {
  /** Items of the main cases; each bench says what an item is. */
  readonly items: number | undefined;
  /** How often both sides are measured; the best of each counts. */
  readonly rounds: number;
}

/** A result where more is better: rates. */
export function rateResult(name: string, unit: string, ours: number, yardstick: string, value: number): BenchResult {
  const ratio = Math.round((1_000 * ours) / value) / 1_000;
  return { case: name, unit, ours: Math.round(ours), yardstick, yardstick_value: Math.round(value), ratio };
}

/** A result where less is better: costs. Three digits are kept. */
export function costResult(name: string, unit: string, ours: number, yardstick: string, value: number): BenchResult {
  const ratio = Math.round((1_000 * value) / ours) / 1_000;
  return { case: name, unit, ours: rounded(ours), yardstick, yardstick_value: rounded(value), ratio };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
