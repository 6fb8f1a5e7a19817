import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { judgeFile, NAMED_ONLY_BY, PLAIN_JSON } from '../../tools/layers.ts';
import { REPOSITORY } from '../../tools/repository.ts';
import { parseSource } from '../../tools/syntax.ts';

/** Snippets that a rule must refuse: where it stands, the code, and what the message must say. */
// biome-ignore format: one case a line
const REFUSED: readonly (readonly [name: string, path: string, code: string, message: RegExp])[] = [
  // ranks
  ['a folder of higher rank', 'src/codec/a.ts', `import { x } from '../engine/x.ts';`, /codec\/ \(rank 1\) may not import engine\/ \(rank 7\)/],
  ['a folder of equal rank', 'src/cose/a.ts', `import { x } from '../ports/x.ts';`, /same rank \(3\)/],
  ['a type of higher rank', 'src/base/a.ts', `import type { X } from '../pki/x.ts';`, /may not import pki/],
  ['a re-export of higher rank', 'src/base/a.ts', `export { x } from '../pki/x.ts';`, /may not import pki/],
  ['a star re-export of higher rank', 'src/base/a.ts', `export * from '../pki/x.ts';`, /may not import pki/],
  ['a dynamic import of higher rank', 'src/http/a.ts', `export const f = () => import('../daemon/x.ts');`, /may not import daemon/],
  ['a computed import', 'src/cli/a.ts', 'export const f = (n: string) => import(`./${n}.ts`);', /computed name/],
  ['a file outside src', 'src/cli/a.ts', `import m from '../../test/support/m.ts';`, /leads out of the folders/],
  ['another ending', 'src/cli/a.ts', `import { m } from './m.js';`, /must end in \.ts/],
  ['a folder without a rank', 'src/misc/a.ts', 'export {};', /misc has no rank/],
  ['a file without a folder', 'src/a.ts', 'export {};', /no rank/],
  ['a store by its name', 'src/daemon/up/a.ts', `import { FileKeyStore } from '../../host/keys/file-key-store.ts';`, /only src\/daemon\/keys\.ts names/],
  ['the type of such a store', 'src/cli/a.ts', `import type { SqliteNodeStore } from '../host/sqlite/node-store.ts';`, /only src\/daemon\/node\/store\.ts names/],
  ['JSON read plainly', 'src/daemon/a.ts', `export const f = (t: string) => JSON.parse(t);`, /use parseJson/],
  ['the plain reader taken apart', 'src/daemon/a.ts', 'const { parse } = JSON;', /use parseJson/],
  ['an answer without bounds', 'src/cli/a.ts', `export const f = () => fetch('x');`, /use exchange/],
  ['what does not parse', 'src/cli/a.ts', 'const = 1;', /src\/cli\/a\.ts:1: /],

  // what comes from outside
  ['a Node module in a pure rank', 'src/engine/a.ts', `import { readFileSync } from 'node:fs';`, /may not import "node:fs"/],
  ['a type of a Node module', 'src/engine/a.ts', `import type { Socket } from 'node:net';`, /may not import "node:net"/],
  ['node:crypto outside crypto', 'src/pki/a.ts', `import { createHash } from 'node:crypto';`, /may not import "node:crypto"/],
  ['another module inside crypto', 'src/crypto/a.ts', `import { join } from 'node:path';`, /may not import "node:path"/],
  ['all of node:crypto', 'src/crypto/a.ts', `import * as c from 'node:crypto';`, /import names/],
  ['the default of node:crypto', 'src/crypto/a.ts', `import c from 'node:crypto';`, /import names/],
  ['ambient random bytes', 'src/crypto/a.ts', `import { randomBytes } from 'node:crypto';`, /ambient randomness/],
  ['a Node module by its bare name', 'src/host/a.ts', `import { join } from 'path';`, /write "node:path"/],
  ['a package of another folder', 'src/pki/a.ts', `import { z } from 'zod';`, /pki\/ may not import "zod", only api\//],
  ['a part of such a package', 'src/pki/a.ts', `import { z } from 'zod/mini';`, /may not import "zod"/],
  ['a scoped package of another folder', 'src/engine/a.ts', `import r from '@fastify/rate-limit';`, /only http\//],
  ['a package without a row', 'src/host/a.ts', `import x from 'left-pad';`, /no folder may import "left-pad"/],

  // files that keep the rules of pure folders
  ['the process layer in the pure checks', 'src/client/verify.ts', `import { x } from '../daemon/x.ts';`, /verify\.ts is pure and may not import daemon\/x\.ts/],
  ['the world in the pure checks', 'src/client/trust.ts', `import { x } from '../host/x.ts';`, /is pure and may not import host/],
  ['the rest of its folder in the pure checks', 'src/client/verify.ts', `import { x } from './client.ts';`, /is pure and may not import client\/client\.ts/],
  ['a Node module in the pure checks', 'src/client/verify.ts', `import { readFileSync } from 'node:fs';`, /may not import "node:fs"/],
  ['the clock in the pure checks', 'src/client/verify.ts', 'export const f = () => Date.now();', /ambient clock/],

  // the world in pure ranks
  ['the clock', 'src/engine/a.ts', 'export const f = () => Date.now();', /ambient clock/],
  ['a new Date', 'src/engine/a.ts', 'export const f = () => new Date();', /ambient clock/],
  ['Date as a function', 'src/engine/a.ts', 'export const f = () => Date();', /ambient clock/],
  ['the clock taken apart', 'src/engine/a.ts', 'const { now } = Date;', /ambient clock/],
  ['randomness', 'src/engine/a.ts', 'export const f = () => Math.random();', /ambient randomness/],
  ['randomness taken apart', 'src/engine/a.ts', 'const { random } = Math;', /Math by its members/],
  ['randomness by a computed name', 'src/engine/a.ts', `export const f = () => Math['random']();`, /Math by its members/],
  ['a timer', 'src/engine/a.ts', 'export const f = (g: () => void) => setTimeout(g, 1);', /setTimeout is not among/],
  ['performance', 'src/engine/a.ts', 'export const f = () => performance.now();', /performance is not among/],
  ['process', 'src/engine/a.ts', 'export const f = () => process.pid;', /process is not among/],
  ['console', 'src/engine/a.ts', `console.log('x');`, /console is not among/],
  ['fetch', 'src/engine/a.ts', `export const f = () => fetch('x');`, /fetch is not among/],
  ['the global crypto', 'src/engine/a.ts', 'export const f = () => crypto.randomUUID();', /crypto is not among/],
  ['globalThis as a way round', 'src/engine/a.ts', 'export const f = () => globalThis.process;', /globalThis is not among/],
  ['a global in shorthand', 'src/engine/a.ts', 'export const f = () => ({ process });', /process is not among/],
  ['a global inside a template', 'src/engine/a.ts', 'export const f = () => `at ${Date.now()}`;', /ambient clock/],
  ['a global hidden in another function only', 'src/engine/a.ts', 'const g = (process: number) => process; export const f = () => process;', /process is not among/],
  ['a global as a default', 'src/engine/a.ts', 'export const f = (now = performance) => now;', /performance is not among/],
  ['a global behind a cast', 'src/engine/a.ts', 'export const f = () => (process as unknown);', /process is not among/],
  ['Buffer', 'src/codec/a.ts', `export const f = () => Buffer.from('x');`, /Uint8Array/],
  ['Buffer as a type', 'src/codec/a.ts', 'export const f = (b: Buffer) => b.length;', /Uint8Array/],
  ['types of Node', 'src/codec/a.ts', 'export type T = NodeJS.Timeout;', /types of Node/],
  ['import.meta', 'src/engine/a.ts', 'export const f = () => import.meta.dirname;', /import\.meta/],

  // state of a module
  ['let at the top', 'src/engine/a.ts', 'let count = 0; export const f = () => count++;', /"let" at the top/],
  ['an exported let', 'src/engine/a.ts', 'export let count = 0;', /"let" at the top/],
  ['var at the top', 'src/engine/a.ts', 'var count = 0;', /"var" at the top/],
  ['a map at the top', 'src/engine/a.ts', 'const seen = new Map<string, number>();', /container at the top/],
  ['a weak map at the top', 'src/engine/a.ts', 'export const cache = new WeakMap<object, string>();', /container at the top/],
  ['an empty list at the top', 'src/engine/a.ts', 'const seen: string[] = [];', /container at the top/],
  ['an empty record at the top', 'src/engine/a.ts', 'const seen: Record<string, number> = {};', /container at the top/],
  ['a static counter', 'src/engine/a.ts', 'export class A { static #next = 0; }', /static field/],

  // replay
  ['the clock in the simulator', 'src/sim/a.ts', 'export const f = () => Date.now();', /ambient clock/],
  ['randomness in the simulator', 'src/sim/a.ts', 'export const f = () => Math.random();', /ambient randomness/],
  ['a real timer in the simulator', 'src/sim/a.ts', 'export const f = (g: () => void) => setTimeout(g, 1);', /virtual time/],

  // tests and environment
  ['a condition on being tested', 'src/host/a.ts', 'export const f = (test: boolean) => { if (test) return 1; return 2; };', /under test/],
  ['such a condition by a member', 'src/host/a.ts', 'export const f = (o: { isTest: boolean }) => (o.isTest ? 1 : 2);', /under test/],
  ['NODE_ENV', 'src/cli/a.ts', `export const f = () => process.env['NODE_ENV'];`, /NODE_ENV/],
  ['the environment outside daemon and cli', 'src/host/a.ts', 'export const f = () => process.env.HOME;', /process\.env/],
];

/** Snippets near a rule that keep it. */
// biome-ignore format: one case a line
const ACCEPTED: readonly (readonly [name: string, path: string, code: string])[] = [
  ['lower rank and own folder', 'src/pki/a.ts', `import { x } from '../codec/x.ts'; import { y } from './y.ts';`],
  ['node:crypto by name inside crypto', 'src/crypto/a.ts', `import { createHash, type KeyObject } from 'node:crypto';`],
  ['Node modules above the pure ranks', 'src/host/a.ts', `import { connect } from 'node:tls'; setTimeout(connect, 1);`],
  ['packages in their folders', 'src/cli/a.ts', `import { Command } from 'commander'; import { parse } from 'yaml';`],
  ['the word in a comment or a text', 'src/engine/a.ts', `// Date.now() and process\nexport const s = 'Math.random()';`],
  ['the word in a pattern', 'src/engine/a.ts', 'export const r = /process|Date.now\\(\\)/;'],
  ['a member of that name', 'src/engine/a.ts', 'export const f = (host: { process: number }) => host.process;'],
  ['a key of that name', 'src/engine/a.ts', 'export const o = { process: 1, console: 2 };'],
  ['a method of that name', 'src/engine/a.ts', 'export class A { fetch(): number { return 1; } }'],
  ['a parameter of that name', 'src/engine/a.ts', 'export const f = (crypto: { hash(): string }) => crypto.hash();'],
  ['a destructured parameter', 'src/engine/a.ts', 'export const f = ({ a: [process] }: { a: number[] }) => process;'],
  ['a caught name', 'src/engine/a.ts', 'export function f() { try { return 1; } catch (process) { return process; } }'],
  ['a date from a number', 'src/base/a.ts', 'export const f = (at: number) => new Date(at).toISOString();'],
  ['reading a date', 'src/base/a.ts', 'export const f = (s: string) => [Date.parse(s), Date.UTC(2026)];'],
  ['other members of Math', 'src/base/a.ts', 'export const f = (n: number) => Math.floor(n);'],
  ['Buffer as a type where node:crypto is called', 'src/crypto/a.ts', 'export const f = (b: Uint8Array) => b as Buffer;'],
  ['a readonly table', 'src/base/a.ts', 'const T: ReadonlyMap<string, number> = new Map(); const L: readonly string[] = [];'],
  ['a filled table', 'src/base/a.ts', `const T = { a: 1 } as const; const L = ['a'];`],
  ['let in a function', 'src/base/a.ts', 'export function f() { let n = 0; n += 1; return n; }'],
  ['a readonly static', 'src/base/a.ts', 'export class A { static readonly max = 1; }'],
  ['a pattern that tests', 'src/host/a.ts', 'export const f = (s: string) => { if (/a/.test(s)) return 1; return 2; };'],
  ['the environment in daemon', 'src/daemon/a.ts', 'export const f = () => process.env;'],
  ['pure folders and each other in the pure checks', 'src/client/verify.ts', `import { x } from './trust.ts'; import { y } from '../engine/y.ts';`],
  ['a yield to the loop in the simulator', 'src/sim/a.ts', 'export const f = (g: () => void) => setImmediate(g);'],
];

describe('layers', () => {
  for (const [name, path, code, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      const breaches = judgeFile(path, code);
      assert.notEqual(breaches.length, 0, 'nothing was refused');
      assert.match(breaches.join('\n'), message);
    });
  }
  for (const [name, path, code] of ACCEPTED) {
    it(`accepts ${name}`, () => assert.deepEqual(judgeFile(path, code), []));
  }
  for (const [target, namer] of Object.entries(NAMED_ONLY_BY))
    it(`lets ${namer} name ${target}, and it does`, () => {
      const text = readFileSync(join(REPOSITORY, namer), 'utf8');
      const targets = parseSource(namer, text).imports.map(({ specifier = '' }) =>
        posix.join(dirname(namer), specifier),
      );
      assert.ok(targets.includes(target));
      assert.deepEqual(judgeFile(namer, text), []);
    });
  for (const [path, why] of Object.entries(PLAIN_JSON))
    it(`lets ${path} read JSON plainly (${why}), and it does`, () =>
      assert.match(readFileSync(join(REPOSITORY, path), 'utf8'), /JSON\.parse\(/));
  it('names file and line, and lists every breach in order', () => {
    const code = '// one\nlet a = 1;\n\nexport const f = () => process.pid + a;\n';
    const lines = judgeFile('src/base/a.ts', code).map((breach) => breach.replace(/: .*/, ''));
    assert.deepEqual(lines, ['src/base/a.ts:2', 'src/base/a.ts:4']);
  });
});
