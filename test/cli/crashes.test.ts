import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CrashStorm } from '../support/crash-storm.ts';
import { tempDir } from '../support/temp-dir.ts';

const KILLS = 20;

it(`after ${KILLS} kills -9 of authority and nodes at work, nothing acknowledged is lost and nothing is given twice`, async (t) => {
  const storm = await CrashStorm.start(tempDir(t), Date.now());
  t.after(() => storm.end());
  await storm.kill(KILLS);
  await storm.check();
  const { messages, enrolments, revocations } = storm.acknowledged;
  t.diagnostic(`${messages} messages, ${enrolments} enrolments, ${revocations} revocations`);
  assert.ok(messages > 0 && enrolments > 0 && revocations > 0);
});
