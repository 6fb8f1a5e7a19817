import { it } from 'node:test';
import { surviveCrashes } from '../support/processes/crash-storm.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Twenty together; in four tests, so that a slow machine does not run out of time. */
const KILLS = 5;

for (const storms of ['a first', 'a second', 'a third', 'a fourth'])
  it(`after ${KILLS} kills -9 of authority and nodes at work, ${storms} time, nothing acknowledged is lost and nothing is given twice`, (t) =>
    surviveCrashes(t, tempDir(t), KILLS));
