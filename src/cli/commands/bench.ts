import { Argument, type Command } from 'commander';
import { BENCHES } from '../../bench/table.ts';
import { act, addCommand, integerOption } from '../command.ts';
import { renderTable } from '../table.ts';

/** Fewer records would measure the clock. */
export const ITEMS_MIN = 100;
/** More records would measure patience. */
export const ITEMS_MAX = 10_000_000;
/** Rounds of a measurement: three do where the machine is quiet. */
export const BENCH_ROUNDS_MAX = 100;

interface BenchOptions {
  readonly items?: number;
  readonly rounds: number;
}

/** `chainmail bench` */
export function register(program: Command): void {
  addCommand(
    program,
    'bench',
    'measure this program beside the best that exists, in one run on this machine',
    'chainmail bench signer\nchainmail bench signer --items 1000000 --rounds 1 --json',
  )
    .addArgument(
      new Argument('[name]', BENCHES.map(({ name, summary }) => `${name}: ${summary}`).join('; ')).choices(
        BENCHES.map(({ name }) => name),
      ),
    )
    .option(
      '--items <n>',
      'how much of it: for the signer, records (default: as the bench says)',
      integerOption(ITEMS_MIN, ITEMS_MAX),
    )
    .option(
      '--rounds <n>',
      'how often both sides are measured; the best of each counts',
      integerOption(1, BENCH_ROUNDS_MAX),
      3,
    )
    .action(
      act<BenchOptions>(async ({ output, options, args }) => {
        for (const bench of BENCHES) {
          if (args[0] !== undefined && args[0] !== bench.name) continue;
          const results = await bench.run((text) => output.note(text), {
            items: options.items,
            rounds: options.rounds,
          });
          const rows = results.map((result) => [
            result.case,
            String(result.ours),
            String(result.yardstick_value),
            result.ratio.toFixed(2),
            `${result.unit}, beside: ${result.yardstick}`,
          ]);
          output.event(
            { name: bench.name, results },
            renderTable([bench.name, 'OURS', 'YARDSTICK', 'RATIO', ''], rows, `${bench.name}: nothing to compare here`),
          );
        }
      }),
    );
}
