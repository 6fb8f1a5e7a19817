import { messageOf } from '../base/errors.ts';
import { openPointAdder } from '../host/secp256k1/point-adder.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import { ckdPub, masterKeyOf } from '../identity/key-tree/child-key.ts';
import { formatXpub } from '../identity/key-tree/extended-key-text.ts';
import { type Bench, type BenchResult, type BenchScale, type Note, rateResult } from './bench.ts';
import { cpuMicrosEach } from './cpu.ts';

/** Children of ours in a round: a second of work. The yardstick makes a tenth of them. */
const CHILDREN = 20_000;
const YARDSTICK_SHARE = 10;
const WARM_UP = 200;
const MICROS_PER_SECOND = 1_000_000;

/** Public keys of children from their parent's, one after another, as who verifies delegates derives them. */
export const TREE_BENCH: Bench = {
  name: 'tree',
  summary: 'key tree: public keys of children derived from their parent',
  run: runTree,
};

async function runTree(note: Note, { items = CHILDREN, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const yardstick = await import('@scure/bip32').catch((error: unknown) =>
    note(`no @scure/bip32: ${messageOf(error)}`),
  );
  if (yardstick === undefined) return [];
  const parent = masterKeyOf('secp256k1', systemRandom.bytes(32)).public;
  const theirs = yardstick.HDKey.fromExtendedKey(formatXpub(parent));
  const add = await openPointAdder();
  const steps = {
    ours: (index: number) => ckdPub(parent, index, add).publicKey,
    yardstick: (index: number) => theirs.deriveChild(index).publicKey,
  };
  const best = { ours: Infinity, yardstick: Infinity };
  for (const step of Object.values(steps)) cpuMicrosEach(WARM_UP, step);
  for (let round = 1; round <= rounds; round++) {
    best.ours = Math.min(best.ours, cpuMicrosEach(items, steps.ours));
    best.yardstick = Math.min(best.yardstick, cpuMicrosEach(Math.ceil(items / YARDSTICK_SHARE), steps.yardstick));
    note(
      `tree, round ${round}: ${best.ours.toFixed(1)} us of CPU a child, @scure/bip32 ${best.yardstick.toFixed(1)} us`,
    );
  }
  const rate = (micros: number): number => MICROS_PER_SECOND / micros;
  return [rateResult('derive', 'children/s of CPU', rate(best.ours), '@scure/bip32', rate(best.yardstick))];
}
