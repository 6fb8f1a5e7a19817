import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { REPOSITORY } from './repository.ts';

/** How a tool ended, and all it printed, in order. */
export interface ToolResult {
  readonly code: number;
  readonly output: string;
}

/** Runs an installed development tool in the repository, under the pinned Node.js. Code 127: it is not installed. */
export function runTool(name: string, args: readonly string[]): Promise<ToolResult> {
  const installed = join(REPOSITORY, 'node_modules', '.bin');
  const { promise, resolve } = Promise.withResolvers<ToolResult>();
  const child = spawn(name, args, {
    cwd: REPOSITORY,
    env: { ...process.env, PATH: `${installed}${delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', (error) => resolve({ code: 127, output: `${name}: ${error.message}; run npm ci\n` }));
  child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  return promise;
}
