import { DAY_MS, HOUR_MS, type UnixMs, unixSeconds } from '../base/time.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import type { SerialHex } from '../pki/x509/certificate/certificate.ts';
import { SERIAL_RANDOM_BYTES } from '../pki/x509/certificate/certificate-build.ts';
import { type Crl, parseCrl } from '../pki/x509/crl/crl.ts';
import { buildCrl } from '../pki/x509/crl/crl-build.ts';
import type { Revocation } from '../pki/x509/crl/revocation-reason.ts';
import { type Bench, type BenchResult, type BenchScale, costResult, type Note } from './bench.ts';
import { BenchMesh } from './bench-mesh.ts';
import { cpuMicrosEach, cpuMicrosOf } from './cpu.ts';

/** Revocations on the long list, and on the short one that look-ups are held against. */
const ENTRIES = 100_000;
const ENTRIES_FEW = 1_000;
const LOOKUPS = 200_000;
/** Serial numbers asked for in turn, so that both lists answer from as much memory as a node's peers make it touch. */
const ASKED = 512;
/** The aim for building a list and for parsing one. */
const REACH_S = 0.1;
const MICROS_PER_SECOND = 1_000_000;

export const CRL_BENCH: Bench = {
  name: 'crl',
  summary: 'revocation lists: to build and sign one, to parse one, to look a certificate up',
  run: runCrl,
};

async function runCrl(note: Note, { items = ENTRIES, rounds }: BenchScale): Promise<readonly BenchResult[]> {
  const mesh = await BenchMesh.create();
  const [many, few] = [revocations(items), revocations(Math.min(items, ENTRIES_FEW))];
  const fewCrl = parseCrl(await build(mesh, few));
  const best = { build: Infinity, parse: Infinity, lookup: Infinity, lookupFew: Infinity };
  for (let round = 1; round <= rounds; round++) {
    let der: Uint8Array = new Uint8Array();
    const buildS = (await cpuMicrosOf(async () => void (der = await build(mesh, many)))) / MICROS_PER_SECOND;
    let crl: Crl = fewCrl;
    const parseS = (await cpuMicrosOf(() => void (crl = parseCrl(der)))) / MICROS_PER_SECOND;
    lookUp(crl, many); // warms up
    const [lookup, lookupFew] = [lookUp(crl, many), lookUp(fewCrl, few)];
    note(`crl, round ${round}: build ${buildS.toFixed(3)} s, parse ${parseS.toFixed(3)} s of ${items} revocations`);
    best.build = Math.min(best.build, buildS);
    best.parse = Math.min(best.parse, parseS);
    best.lookup = Math.min(best.lookup, lookup);
    best.lookupFew = Math.min(best.lookupFew, lookupFew);
  }
  return [
    costResult('build', 's of CPU', best.build, 'what is asked for 100,000 revocations', REACH_S),
    costResult('parse', 's of CPU', best.parse, 'what is asked for 100,000 revocations', REACH_S),
    costResult('lookup', 'ns of CPU', best.lookup, 'in a list of 1,000', best.lookupFew),
  ];
}

function revocations(count: number): readonly Revocation[] {
  const at = systemClock.wall();
  return Array.from({ length: count }, (_, i) => ({
    serial: newSerial(),
    revokedAt: (at - (i % 5_000) * 1_000) as UnixMs,
    reason: i % 3 === 0 ? 'keyCompromise' : 'superseded',
  }));
}

/** As certificates show it: its first digit is not 0. */
function newSerial(): SerialHex {
  return `5${systemRandom.bytes(SERIAL_RANDOM_BYTES).toHex().slice(1)}`;
}

function build({ intermediate, issuer }: BenchMesh, entries: readonly Revocation[]): Promise<Uint8Array> {
  const thisUpdate = systemClock.wall();
  const nextUpdate = (thisUpdate + DAY_MS + HOUR_MS) as UnixMs;
  return buildCrl({ issuer: intermediate, number: unixSeconds(thisUpdate), thisUpdate, nextUpdate, entries }, issuer);
}

/** @returns nanoseconds of one look-up: half of them find something. */
function lookUp(crl: Crl, entries: readonly Revocation[]): number {
  const step = Math.max(1, Math.floor(entries.length / ASKED));
  const listed = Array.from({ length: ASKED }, (_, i) => entries[(i * step) % entries.length]?.serial as SerialHex);
  const others = listed.map(newSerial);
  const asked = listed.flatMap((serial, i) => [serial, others[i] as SerialHex]);
  return 1_000 * cpuMicrosEach(LOOKUPS, (i) => crl.revocationOf(asked[i % asked.length] as SerialHex));
}
