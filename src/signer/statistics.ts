import type { UnixMs } from '../base/time.ts';
import type { RecordStore } from '../ports/record-store.ts';
import { rateOf } from './plan.ts';

/** What `signer stats` and `GET /stats` say. */
export interface StatisticsJson {
  readonly signed: number;
  readonly unsigned: number;
  readonly conflicts: number;
  /** Records a second, of the run that goes on or else the last one. */
  readonly rate: number;
  /** Signed records by public key, 0x and hex. */
  readonly by_key: Readonly<Record<string, number>>;
}

/** `GET /v1/stats`, `signer stats`: what is signed, by key, and the rate of the current run, records a second. */
export async function statisticsJson(store: RecordStore, now: UnixMs): Promise<StatisticsJson> {
  const [{ signed, unsigned, conflicts, byKey }, run] = [await store.counts(), await store.currentRun()];
  const keys = Array.from(byKey, ([key, n]) => [`0x${key}`, n] as const);
  return { signed, unsigned, conflicts, rate: rateOf(run, signed, now), by_key: Object.fromEntries(keys) };
}
