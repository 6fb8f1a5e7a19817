import type { HttpApp } from '../server.ts';
import type { SignerDeps } from './deps.ts';
import { getAlive } from './get-alive.ts';
import { getBatch } from './get-batch.ts';
import { getRecord } from './get-record.ts';
import { getSign } from './get-sign.ts';
import { getStats } from './get-stats.ts';
import { postRecords } from './post-records.ts';

/** All endpoints of the signer (seed 004), one file each: parse → act → render. */
export function addSignerRoutes(app: HttpApp, deps: SignerDeps): void {
  for (const add of [getAlive, getSign, getStats, getBatch, postRecords, getRecord]) add(app, deps);
}
