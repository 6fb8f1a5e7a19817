import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { utf8 } from '../../base/bytes.ts';
import { messageOf } from '../../base/errors.ts';
import { Secret } from '../../crypto/secret.ts';
import { engineProblem, lanesOf, openSigner } from '../../host/signer/engines/engines.ts';
import { SqliteRecordStore } from '../../host/signer/sqlite/record-store.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import type { SigningEngine } from '../../ports/batch-signer.ts';
import { CHUNK_RECORDS_MAX } from '../../ports/record-store.ts';
import { allKeyIndexes } from '../../signer/key-ring.ts';
import { keyIndexesOf } from '../../signer/plan.ts';
import { signSelection } from '../../signer/sign-selection.ts';
import { type Bench, type BenchResult, type BenchScale, type Note, rateResult } from '../bench.ts';
import { type LoopLibrary, loopRate } from './loop.ts';

const RECORDS = 100_000;
/** Signatures of a loop in JavaScript: the slowest do some thousand a second. */
const LOOP_SIGNATURES = 6_000;
const ADDON_SIGNATURES = 60_000;
const KEYS = 16;

/** Rates of one case: the best of all rounds. */
interface Rates {
  ours: number;
  yardstick: number;
}

/**
 * Records a second, from the unsigned record in the store to the signature on the disk, beside what only signs: a C loop
 * over the same libsecp256k1, the npm addon's own loop, and the two libraries that are mostly used, on all cores.
 */
export const SIGNER_BENCH: Bench = {
  name: 'signer',
  summary: 'records signed end to end and durable, beside loops that only sign',
  run: benchSigner,
};

async function benchSigner(note: Note, { items = RECORDS, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'chainmail-bench-'));
  try {
    const best: Record<string, Rates> = {};
    const cases = await casesOf(folder, note);
    for (let round = 0; round < rounds; round++)
      for (const { name, engine, measure } of cases) {
        const rates = (best[name] ??= { ours: 0, yardstick: 0 });
        rates.ours = Math.max(rates.ours, await endToEnd(join(folder, `${name}-${round}.db`), items, engine));
        rates.yardstick = Math.max(rates.yardstick, await measure());
        note(`${name}, round ${round + 1}: ${Math.round(rates.ours)} of ${Math.round(rates.yardstick)} records/s`);
      }
    return cases.map(({ name, yardstick }) => {
      const { ours, yardstick: value } = best[name] as Rates;
      return rateResult(name, 'records/s', ours, yardstick, value);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Case {
  readonly name: string;
  readonly engine: SigningEngine | undefined;
  readonly yardstick: string;
  readonly measure: () => Promise<number>;
}

/** What can be compared here; what cannot is said. */
async function casesOf(folder: string, note: Note): Promise<readonly Case[]> {
  const cases: Case[] = [];
  const native = await engineProblem('native');
  if (native === undefined) {
    const program = await compileYardstick(folder).catch((error: unknown) => note(`no C loop: ${messageOf(error)}`));
    if (program !== undefined)
      cases.push({
        name: 'native',
        engine: 'native',
        yardstick: 'C loop over the same libsecp256k1, all cores, signing only',
        measure: () => cLoopRate(program),
      });
  } else note(native.message);
  const loop = (library: LoopLibrary, count: number) => () => loopRate(library, count);
  if ((await engineProblem('npm')) === undefined)
    cases.push({
      name: 'npm',
      engine: 'npm',
      yardstick: 'loop of the npm addon secp256k1, all cores, signing only',
      measure: loop('secp256k1', ADDON_SIGNATURES),
    });
  for (const library of ['ethers', 'viem'] as const) {
    const problem = await loopRate(library, 2).then(() => undefined, messageOf);
    if (problem !== undefined) note(`no ${library}: ${problem}`);
    else
      cases.push({
        name: library,
        engine: undefined,
        yardstick: `${library} hashing and signing, all cores`,
        measure: loop(library, LOOP_SIGNATURES),
      });
  }
  return cases;
}

/** Signs `count` records that lie in a store of their own. @returns records a second, the last one durable. */
async function endToEnd(path: string, count: number, engine: SigningEngine | undefined): Promise<number> {
  const store = SqliteRecordStore.open(path);
  const keys = Array.from({ length: KEYS }, () => new Secret(systemRandom.bytes(32)));
  const signer = await openSigner(keys, engine);
  try {
    for (let at = 0; at < count; at += CHUNK_RECORDS_MAX)
      await store.add(
        Array.from({ length: Math.min(CHUNK_RECORDS_MAX, count - at) }, () => {
          const id = systemRandom.bytes(16).toHex();
          return { id, message: utf8(id) };
        }),
      );
    const batchCount = Math.ceil(count / 1_000);
    const startedAt = performance.now();
    const { signed } = await signSelection(
      { store, signer, random: systemRandom, lanes: lanesOf() },
      {
        selection: { runId: 'bench', batchCount, batchId: undefined },
        keyIndexesOf: (chunk) => keyIndexesOf(chunk, batchCount, allKeyIndexes(KEYS)),
      },
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    if (signed !== count) throw new Error(`${signed} of ${count} records were signed`);
    return count / seconds;
  } finally {
    await signer.close();
    await store.close();
    for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
  }
}

async function compileYardstick(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('../../../native/yardstick.c', import.meta.url));
  const program = join(folder, 'yardstick');
  await promisify(execFile)('cc', ['-O2', source, '-o', program, '-lsecp256k1', '-lpthread']);
  return program;
}

async function cLoopRate(program: string): Promise<number> {
  const { stdout } = await promisify(execFile)(program, [String(availableParallelism()), String(RECORDS)]);
  return Number(stdout);
}
