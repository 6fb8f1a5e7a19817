/**
 * `npm run build:native`, and at install with `--if-possible`: compiles the batch signer, so that signing uses the
 * system's libsecp256k1. One call of the C compiler; no node-gyp.
 *
 * With `--if-possible` it says nothing and fails nothing where a compiler or the library is missing: the program then
 * signs with the npm addon or WebAssembly, and `chainmail doctor` says so. Runs under any Node.js from 20 on.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const target = join(folder, 'batch-signer.node');
const isOptional = process.argv.includes('--if-possible');

const problem = build();
if (problem !== undefined && !isOptional) {
  console.error(`build:native: ${problem}`);
  process.exitCode = 1;
}

/** @returns what is missing, or `undefined` where the addon was built. */
function build() {
  const headers = headersFolder();
  if (headers === undefined) return 'node_api.h not found: run npm ci';
  const draft = `${target}.${process.pid}.draft`;
  const compiler = process.env.CC || 'cc';
  const options = ['-O2', '-shared', '-fPIC', '-fvisibility=hidden', `-I${headers}`];
  const system = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  const args = [...options, ...system, join(folder, 'batch-signer.c'), '-o', draft, '-lsecp256k1'];
  const { status, error, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (status !== 0) {
    rmSync(draft, { force: true });
    return error ? `${compiler}: ${error.message}` : `${stderr.trim()}\nIs libsecp256k1 with its headers installed?`;
  }
  renameSync(draft, target); // whole or not at all, also where two installs meet
  if (!isOptional) console.log(`built ${target}`);
  return undefined;
}

/** Where `node_api.h` lies: in the pinned Node.js, or beside the one that runs this. */
function headersFolder() {
  const candidates = [join(dirname(dirname(process.execPath)), 'include', 'node')];
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`);
    candidates.unshift(join(dirname(manifest), 'include', 'node'));
  } catch {
    // no pinned Node.js for this platform
  }
  return candidates.find((candidate) => existsSync(join(candidate, 'node_api.h')));
}
