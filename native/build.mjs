/**
 * `npm run build:native`, and at install with `--if-possible`: compiles the addons. One call of the C compiler each; no
 * node-gyp.
 *
 * | addon | needs | without it |
 * |---|---|---|
 * | `batch-signer` | libsecp256k1 with its headers | the npm addon or WebAssembly signs records |
 * | `p256-checker` | | node:crypto checks all signatures of P-256 |
 *
 * With `--if-possible` it says nothing and fails nothing where a compiler or a library is missing; `chainmail doctor` says
 * what runs. Runs under any Node.js from 20 on.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const isOptional = process.argv.includes('--if-possible');

const ADDONS = [
  {
    name: 'batch-signer',
    options: ['-O2'],
    libraries: ['-lsecp256k1'],
    hint: 'Is libsecp256k1 with its headers installed?',
  },
  // Numbers of four words are slower in vector registers, where gcc would put them.
  {
    name: 'p256-checker',
    options: ['-O3', '-fno-tree-vectorize'],
    libraries: [],
    hint: 'Is it a compiler for 64 bits?',
  },
];

for (const addon of ADDONS) {
  const problem = build(addon);
  if (problem === undefined || isOptional) continue;
  console.error(`build:native: ${addon.name}: ${problem}`);
  process.exitCode = 1;
}

/** @returns what is missing, or `undefined` where the addon was built. */
function build({ name, options, libraries, hint }) {
  const headers = headersFolder();
  if (headers === undefined) return 'node_api.h not found: run npm ci';
  const target = join(folder, `${name}.node`);
  const draft = `${target}.${process.pid}.draft`;
  const compiler = process.env.CC || 'cc';
  const shared = ['-shared', '-fPIC', '-fvisibility=hidden', `-I${headers}`];
  const system = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  const args = [...options, ...shared, ...system, join(folder, `${name}.c`), '-o', draft, ...libraries];
  const { status, error, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (status !== 0) {
    rmSync(draft, { force: true });
    return error ? `${compiler}: ${error.message}` : `${stderr.trim()}\n${hint}`;
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
