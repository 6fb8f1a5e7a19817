import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { REPOSITORY } from '../../tools/repository.ts';
import { findOldNode, findProgram, missing } from '../support/foreign/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { programsWork, typesHold } from './client-programs.ts';

/** The environment of somebody's shell: not of this run, and not with this repository's tools on the PATH. */
function plainEnv(node: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(npm_|NODE_|INIT_CWD$)/i.test(name) || name === 'NODE_EXTRA_CA_CERTS') env[name] = value;
  }
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  return { ...env, PATH: [dirname(node), ...folders].join(':') };
}

function run(t: TestContext, cwd: string, node: string, command: string, ...args: readonly string[]) {
  const result = spawnSync(command, args, { cwd, env: plainEnv(node), encoding: 'utf8', signal: t.signal });
  return { ok: result.status === 0, stdout: result.stdout, stderr: result.stderr };
}

interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** What npm says when it cannot get the dependencies, which is not this package's fault. */
const NO_REGISTRY = /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ENETUNREACH|ENOTCACHED/;

/** The tarball, installed in an empty folder; `undefined` where npm cannot get what it depends on. */
function install(t: TestContext, node: string): { empty: string; report: PackReport } | undefined {
  const dir = tempDir(t);
  const packed = run(t, REPOSITORY, node, 'npm', 'pack', '--json', '--pack-destination', dir);
  assert.ok(packed.ok, packed.stderr);
  const [report] = Object.values(JSON.parse(packed.stdout) as Record<string, PackReport>);
  assert.ok(report);
  const empty = join(dir, 'empty');
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{"type":"module"}');
  const tarball = join(dir, report.filename);
  const patience = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
  const installed = run(t, empty, node, 'npm', 'install', ...patience, tarball);
  if (!installed.ok && NO_REGISTRY.test(installed.stderr)) return undefined;
  assert.ok(installed.ok, installed.stderr);
  return { empty, report };
}

describe('the packed tarball', () => {
  it('installs in an empty folder and runs, without sources', { skip: missing('npm') }, async (t) => {
    const node = findOldNode() ?? findProgram('node') ?? process.execPath;
    const made = install(t, node);
    if (made === undefined) return t.skip('npm registry cannot be reached');
    const { empty, report } = made;

    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    const help = run(t, empty, node, 'npx', 'chainmail', '--help');
    assert.ok(help.ok, help.stderr);
    assert.match(help.stdout, /^Usage: chainmail /m);
    // From a plain shell, where the first `node` on the PATH is whatever the machine has.
    const direct = run(t, empty, node, 'node_modules/.bin/chainmail', '--version');
    assert.deepEqual(direct, { ok: true, stdout: `${version}\n`, stderr: '' });

    const files = report.files.map(({ path }) => path);
    const isForUsers =
      /^(bin\/|native\/[a-z0-9-]+\.(c|h|mjs)$|dist\/.*(\.js|\.d\.ts)$|package\.json|README\.md|LICENSE|CHANGELOG\.md)/;
    assert.deepEqual(
      files.filter((path) => !isForUsers.test(path)),
      [],
    );
    assert.ok(files.includes('LICENSE'));
    // A process keeps the text of the code that it runs; who reads declarations wants to be told.
    const installed = (path: string): string => readFileSync(join(empty, 'node_modules', 'chainmail', path), 'utf8');
    assert.doesNotMatch(installed('dist/client/client.js'), /\/\*\*/);
    assert.match(installed('dist/client/client.d.ts'), /\/\*\*/);

    const env = plainEnv(process.execPath);
    await t.test('its types tell a program what there is', () => typesHold(empty, env));
    await t.test('what docs/CLIENT.md shows works against a node that runs', (u) => programsWork(u, empty, env));
  });
});
