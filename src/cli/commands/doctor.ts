import { resolve } from 'node:path';
import type { Command } from 'commander';
import { diagnose } from '../../daemon/doctor/doctor.ts';
import { act, addCommand } from '../command.ts';
import { EXIT_REFUSED } from '../output.ts';
import { renderTable } from '../table.ts';

const MARKS = { good: 'ok', 'could-be-better': '!', bad: 'BAD' } as const;

export function register(program: Command): void {
  addCommand(
    program,
    'doctor',
    'look at this machine, and at an authority or node, and say what is wrong and what to do',
    'chainmail doctor --dir /var/lib/chainmail-node',
  )
    .option('--dir <dir>', 'directory of an authority or a node')
    .action(
      act<{ readonly dir?: string }>(async ({ output, options }) => {
        const findings = await diagnose(options.dir === undefined ? undefined : resolve(options.dir));
        const ok = findings.every(({ state }) => state !== 'bad');
        const rows = findings.map(({ name, state, detail }) => [MARKS[state], name, detail]);
        output.result({ ok, findings }, renderTable(['', 'WHAT', 'FOUND'], rows, ''));
        for (const { name, hint } of findings) if (hint !== undefined) output.note(`chainmail: hint: ${name}: ${hint}`);
        if (!ok) process.exitCode = EXIT_REFUSED;
      }),
    );
}
