/**
 * `npm run check`: everything that can be said about the code without running it. Prints a line a step with its time,
 * then what the failing steps said, and exits 1 where one failed.
 */

import { runTool, type ToolResult } from './tool.ts';

interface Step {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
}

/** The longest first: the others run beside it. */
const STEPS: readonly Step[] = [
  { name: 'types', tool: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'lint', tool: 'oxlint', args: [] },
  { name: 'layers', tool: 'node', args: ['tools/layers.ts'] },
  { name: 'unused', tool: 'knip', args: ['--no-config-hints'] },
  { name: 'format', tool: 'biome', args: ['format', '.'] },
  { name: 'limits', tool: 'node', args: ['tools/limits.ts', '--check'] },
];

/** Steps at a time. The type checker uses several cores itself; more would only wait for each other. */
const STEPS_AT_ONCE_MAX = 2;

process.exitCode = (await runSteps()) ? 0 : 1;

async function runSteps(): Promise<boolean> {
  const failures: (Step & ToolResult)[] = [];
  const waiting = [...STEPS];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const startedAt = performance.now();
      const result = await runTool(step.tool, step.args);
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      console.log(`${result.code === 0 ? 'ok  ' : 'FAIL'} ${step.name.padEnd(7)} ${seconds} s`);
      if (result.code !== 0) failures.push({ ...step, ...result });
    }
  };
  await Promise.all(Array.from({ length: STEPS_AT_ONCE_MAX }, lane));
  for (const { name, tool, args, output } of failures) {
    console.log(`\n${name} (${[tool, ...args].join(' ')}):\n${output.trimEnd()}`);
  }
  return failures.length === 0;
}
