import { type Bytes, toHex } from '../../../src/base/bytes.ts';
import { ERRORS } from '../../../src/base/error-codes.ts';
import { isMeshError, messageOf } from '../../../src/base/errors.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import type { FuzzSubject, FuzzTarget } from './target.ts';

/** No input of some kilobytes may take longer; on a busy machine all take far less. */
const INPUT_MS_MAX = 5_000;

export interface FuzzOptions {
  readonly seed: string;
  readonly inputs: number;
  /** Told before each input, so that a watchdog knows which one hangs. */
  readonly onInput?: (index: number, input: Bytes) => void;
}

export interface FuzzCounts {
  readonly taken: number;
  readonly refused: number;
}

/** Feeds so many inputs; equal seeds feed equal ones. @throws with the input in hex for the first that is mishandled. */
export async function runFuzz(target: FuzzTarget, { seed, inputs, onInput }: FuzzOptions): Promise<FuzzCounts> {
  const random = new SeededRandom(`fuzz/${target.name}/${seed}`);
  const counts = { taken: 0, refused: 0 };
  for (let done = 0; done < inputs; ) {
    const subject = await target.open();
    try {
      if (done === 0) await feedCorpus(target, subject);
      const end = Math.min(inputs, done + (target.inputsPerSubject ?? inputs));
      for (; done < end; done++) {
        const mutate = subject.mutators[random.below(subject.mutators.length)];
        const input = mutate?.(random, subject.corpus) ?? new Uint8Array(0);
        onInput?.(done, input);
        const answer = await feedOne(target, subject, input);
        counts[answer]++;
      }
    } finally {
      await subject.close?.();
    }
  }
  return counts;
}

/** Feeds one input. @throws unless it was taken, or refused with a code of the table, in time. */
export async function feedOne(target: FuzzTarget, subject: FuzzSubject, input: Bytes): Promise<'taken' | 'refused'> {
  const startedAt = performance.now();
  let answer: 'taken' | 'refused' = 'taken';
  try {
    const pending = subject.feed(input);
    if (pending !== undefined) await pending;
  } catch (error) {
    if (!isMeshError(error) || !Object.hasOwn(ERRORS, error.code) || error.code === 'ERR_INTERNAL')
      throw new Error(`${target.name} ${messageOf(error)}\n${describe(target, input)}`, { cause: error });
    answer = 'refused';
  }
  const elapsedMs = performance.now() - startedAt;
  if (elapsedMs > INPUT_MS_MAX) throw new Error(`${target.name} took ${elapsedMs} ms\n${describe(target, input)}`);
  return answer;
}

async function feedCorpus(target: FuzzTarget, subject: FuzzSubject): Promise<void> {
  for (const input of subject.corpus)
    if ((await feedOne(target, subject, input)) !== 'taken')
      throw new Error(`${target.name} refuses a valid input\n${describe(target, input)}`);
}

function describe({ name }: FuzzTarget, input: Bytes): string {
  return `input, to be kept in test/fuzz/regressions/${name}/WHAT.hex:\n${toHex(input)}`;
}
