import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLOCK_JUMP_MS_MAX, ClockGuard, SIGNED_AT_KEPT_MS } from '../../../src/authority/health/clock-guard.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { HandClock } from '../../support/mesh/authority-world.ts';

const ISSUER = { notAfter: (new HandClock().wall() + 365 * DAY_MS) as UnixMs };
const JUMPED = { code: 'ERR_CLOCK_JUMPED' };

describe('the clock of an authority (T6)', () => {
  for (const [direction, sign] of [
    ['ahead', 1],
    ['back', -1],
  ] as const)
    it(`may be set ${direction} by an hour within a process, and no further`, () => {
      const clock = new HandClock();
      const guard = new ClockGuard(ISSUER, undefined);
      guard.check(clock.now());
      guard.noteSigned(clock.now());
      clock.jump(sign * CLOCK_JUMP_MS_MAX);
      guard.check(clock.now());
      clock.jump(sign);
      assert.throws(() => guard.check(clock.now()), JUMPED);
      guard.accept(clock.now());
      guard.check(clock.now());
    });

  it('may go on for days', () => {
    const clock = new HandClock();
    const guard = new ClockGuard(ISSUER, undefined);
    guard.noteSigned(clock.now());
    clock.pass(30 * DAY_MS);
    guard.check(clock.now());
  });

  it('is told to the store once a minute at most, and when it was set back', () => {
    const clock = new HandClock();
    const guard = new ClockGuard(ISSUER, undefined);
    assert.equal(guard.isWorthKeeping(clock.now()), true);
    guard.noteKept(clock.now());
    clock.pass(SIGNED_AT_KEPT_MS - 1);
    assert.equal(guard.isWorthKeeping(clock.now()), false);
    clock.pass(1);
    assert.equal(guard.isWorthKeeping(clock.now()), true);
    guard.noteKept(clock.now());
    clock.jump(-SIGNED_AT_KEPT_MS);
    assert.equal(guard.isWorthKeeping(clock.now()), true);
  });

  it('may be an hour behind what was signed before a restart, and no further; ahead it was only off', () => {
    const clock = new HandClock();
    const guard = new ClockGuard(ISSUER, clock.wall());
    clock.jump(-CLOCK_JUMP_MS_MAX);
    guard.check(clock.now());
    clock.jump(-1);
    assert.throws(() => guard.check(clock.now()), JUMPED);
    clock.jump(30 * DAY_MS);
    guard.check(clock.now());
  });

  it('may not be beyond the end of the issuing certificate, whatever anybody accepts', () => {
    const clock = new HandClock();
    const guard = new ClockGuard({ notAfter: clock.wall() }, undefined);
    guard.check(clock.now());
    clock.jump(1);
    assert.throws(() => guard.check(clock.now()), { code: 'ERR_PATH_EXPIRED', message: /the clock shows/ });
    guard.accept(clock.now());
    assert.throws(() => guard.check(clock.now()), { code: 'ERR_PATH_EXPIRED' });
  });
});
