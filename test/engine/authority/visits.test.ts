import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { after, HOUR_MS, MINUTE_MS, type MonotonicMs, SECOND_MS } from '../../../src/base/time.ts';
import {
  ALONE_MS_MIN,
  AuthorityVisits,
  BACKOFF_MS_MAX,
  RETRY_AFTER_MS_MAX,
  SOON_MS_MAX,
  type VisitFailure,
  type VisitsOptions,
} from '../../../src/engine/authority/visits.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';

const INTERVAL_MS = 10 * SECOND_MS;
/** A fifth more or less: no two nodes of a fleet keep in step. */
const LATEST_MS = 1.2 * INTERVAL_MS;
const AWAY: VisitFailure = { isAway: true, error: 'away' };
const REFUSED: VisitFailure = { isAway: false, error: 'refused' };
const [ANN, BOB] = [parseNodeId('ann'), parseNodeId('bob')];

/** The visits of a node, on time that the test lets pass; what they ask is noted, and answered by the test. */
class Bench {
  now = 0 as MonotonicMs;
  crlNumber = 7;
  isAlone = false;
  readonly asked: string[] = [];
  readonly visits: AuthorityVisits;

  constructor(options: Partial<VisitsOptions> = {}) {
    this.visits = new AuthorityVisits(
      this.now,
      {
        intervalMs: INTERVAL_MS,
        random: new SeededRandom('visits'),
        isListElsewhere: false,
        crlNumber: () => this.crlNumber,
        isAlone: () => this.isAlone,
        ...options,
      },
      {
        checkIn: () => this.asked.push('check in'),
        fetchList: (etag) => this.asked.push(`fetch ${etag ?? 'anew'}`),
        showAlarm: ({ origin }) => this.asked.push(`show ${origin}`),
        visitEnded: (outcome) =>
          this.asked.push(
            outcome.tag === 'failed'
              ? `failed: ${String(outcome.failure.error)}${outcome.isFirst ? ', first' : ''}`
              : `done${outcome.isBack ? ', back' : ''}`,
          ),
      },
    );
  }

  /** What was asked since the last call. */
  heard(): string[] {
    return this.asked.splice(0);
  }

  pass(ms: number): void {
    this.now = after(this.now, ms);
    this.visits.handleTimeout(this.now);
  }

  /** @returns how long it took until the next visit began. */
  untilVisit(): number {
    const waitedMs = (this.visits.deadline() ?? Number.NaN) - this.now;
    this.pass(waitedMs);
    return waitedMs;
  }

  /** A visit in which the check-in tells of the list that the node has. */
  visit(): void {
    this.untilVisit();
    this.visits.handleCheckedIn(this.now, this.crlNumber);
    this.visits.handleList(this.now, { tag: 'unchanged' });
  }

  report(origin = ANN): boolean {
    return this.visits.handleConflict(this.now, origin, Uint8Array.of(1), Uint8Array.of(2));
  }
}

describe('visits of a node to its authority', () => {
  it('begin at once, and then come in the interval, each at a moment of its own', () => {
    const bench = new Bench();
    assert.equal(bench.untilVisit(), 0);
    assert.deepEqual(bench.heard(), ['check in']);
    assert.equal(bench.visits.deadline(), undefined, 'an answer is waited for');
    bench.visits.handleCheckedIn(bench.now, 7);
    bench.visits.handleList(bench.now, { tag: 'taken', etag: 'e7' });
    assert.deepEqual(bench.heard(), ['fetch anew', 'done']);
    const waits = new Set<number>();
    for (let n = 0; n < 5; n++) {
      const waitedMs = bench.untilVisit();
      assert.ok(waitedMs >= 0.8 * INTERVAL_MS && waitedMs <= LATEST_MS, String(waitedMs));
      waits.add(waitedMs);
      bench.visits.handleCheckedIn(bench.now, 7);
    }
    assert.equal(waits.size, 5);
    assert.deepEqual(
      bench.heard(),
      Array.from({ length: 5 }, () => ['check in', 'done']).flat(),
      'nothing was fetched',
    );
  });

  it('fetch the list where the check-in tells of another, and on where it is not that one yet', () => {
    const bench = new Bench();
    bench.visit();
    bench.heard();
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 8);
    bench.visits.handleList(bench.now, { tag: 'taken', etag: 'e7' }); // a mirror that is behind
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 8);
    bench.crlNumber = 8;
    bench.visits.handleList(bench.now, { tag: 'taken', etag: 'e8' });
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 8);
    const fetches = bench.heard().filter((said) => said !== 'check in');
    assert.deepEqual(fetches, ['fetch anew', 'done', 'fetch e7', 'done', 'done']);
  });

  it('do not take what is no list for one that the node has', () => {
    const bench = new Bench();
    for (let n = 0; n < 2; n++) {
      bench.untilVisit();
      bench.visits.handleCheckedIn(bench.now, 7);
      bench.visits.handleList(bench.now, { tag: 'foreign' });
    }
    assert.deepEqual(bench.heard(), ['check in', 'fetch anew', 'done', 'check in', 'fetch anew', 'done']);
  });

  it('ask a node that may not check in for the list all the same, and end as failed', () => {
    const bench = new Bench();
    bench.visit();
    bench.heard();
    bench.untilVisit();
    bench.visits.handleFailed(bench.now, REFUSED);
    bench.visits.handleList(bench.now, { tag: 'unchanged' });
    assert.deepEqual(bench.heard(), ['check in', 'fetch anew', 'failed: refused, first']);
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 7);
    assert.deepEqual(bench.heard(), ['check in', 'fetch anew'], 'what is published may have changed meanwhile');
  });

  it('ask for the list where the authority is away only if it is published elsewhere', () => {
    for (const isListElsewhere of [false, true]) {
      const bench = new Bench({ isListElsewhere });
      bench.untilVisit();
      bench.visits.handleFailed(bench.now, AWAY);
      if (isListElsewhere) bench.visits.handleFailed(bench.now, { isAway: false, error: 'no mirror' });
      assert.deepEqual(
        bench.heard(),
        isListElsewhere ? ['check in', 'fetch anew', 'failed: no mirror, first'] : ['check in', 'failed: away, first'],
      );
    }
  });

  it('come half as often after each failure, down to a bound, and as before once it answers', () => {
    const bench = new Bench();
    const waits: number[] = [];
    for (let n = 0; n < 40; n++) {
      waits.push(bench.untilVisit());
      bench.visits.handleFailed(bench.now, AWAY);
    }
    for (const [n, waitedMs] of waits.slice(1).entries()) {
      const meantMs = Math.min(BACKOFF_MS_MAX, INTERVAL_MS * 2 ** n);
      assert.ok(waitedMs >= 0.8 * meantMs && waitedMs <= 1.2 * meantMs, `${waitedMs} after ${n + 1} failures`);
    }
    assert.equal(bench.heard().filter((said) => said.endsWith('first')).length, 1);
    bench.visit();
    assert.deepEqual(bench.heard(), ['check in', 'fetch anew', 'done, back']);
    assert.ok(bench.untilVisit() <= LATEST_MS);
  });

  it('back off to the interval where that is longer than the bound', () => {
    const bench = new Bench({ intervalMs: HOUR_MS });
    for (let n = 0; n < 3; n++) {
      bench.untilVisit();
      bench.visits.handleFailed(bench.now, AWAY);
    }
    assert.ok(bench.untilVisit() >= 0.8 * HOUR_MS);
  });

  it('come sooner while the node is alone, and less and less so', () => {
    const bench = new Bench({ intervalMs: HOUR_MS });
    bench.isAlone = true;
    bench.visit();
    for (let n = 0; n < 15; n++) {
      const meantMs = Math.min(HOUR_MS, ALONE_MS_MIN * 2 ** n);
      const waitedMs = (bench.visits.deadline() ?? 0) - bench.now;
      assert.ok(waitedMs >= 0.8 * meantMs && waitedMs <= 1.2 * meantMs, `${waitedMs} after ${n + 1} visits`);
      bench.visit();
    }
    bench.isAlone = false;
    bench.visit();
    bench.isAlone = true;
    bench.visit();
    assert.ok((bench.visits.deadline() ?? 0) - bench.now <= 1.2 * ALONE_MS_MIN, 'alone anew');
  });

  it('come soon after news, also where it came during a visit, and not where the authority is away', () => {
    const bench = new Bench({ intervalMs: HOUR_MS });
    bench.visit();
    bench.visits.handleNews(bench.now);
    assert.ok(bench.untilVisit() <= SOON_MS_MAX);
    bench.visits.handleNews(bench.now);
    assert.equal(bench.visits.deadline(), undefined);
    bench.visits.handleCheckedIn(bench.now, 7);
    assert.ok(bench.untilVisit() <= SOON_MS_MAX);
    bench.visits.handleNews(bench.now);
    bench.visits.handleFailed(bench.now, AWAY);
    assert.ok(bench.untilVisit() > MINUTE_MS);
  });

  it('are put off by no news', () => {
    const bench = new Bench();
    bench.visits.handleNews(bench.now);
    assert.equal(bench.untilVisit(), 0);
  });

  it('take no answer that nobody waits for', () => {
    const bench = new Bench();
    bench.visits.handleCheckedIn(bench.now, 9);
    bench.visits.handleList(bench.now, { tag: 'unchanged' });
    bench.visits.handleFailed(bench.now, AWAY);
    bench.visits.handleAlarmSeen(bench.now);
    bench.visits.handleAlarmPutOff(bench.now, undefined);
    assert.deepEqual(bench.heard(), []);
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 7);
    bench.visits.handleCheckedIn(bench.now, 7);
    assert.deepEqual(bench.heard(), ['check in', 'fetch anew']);
  });
});

describe('alarms that a node shows its authority', () => {
  it('bring the next visit forward, and are shown one after another', () => {
    const bench = new Bench({ intervalMs: HOUR_MS });
    bench.visit();
    bench.heard();
    assert.deepEqual([bench.report(ANN), bench.report(BOB), bench.report(BOB)], [true, true, false]);
    assert.ok(bench.untilVisit() <= SOON_MS_MAX);
    bench.visits.handleCheckedIn(bench.now, 7);
    bench.visits.handleAlarmSeen(bench.now);
    bench.visits.handleAlarmSeen(bench.now);
    assert.deepEqual(bench.heard(), ['check in', 'show ann', 'show bob', 'done']);
    assert.equal(bench.visits.alarms, 0);
  });

  it('are kept where they are put off, and shown again when they may be', () => {
    const bench = new Bench({ intervalMs: HOUR_MS });
    bench.visit();
    bench.report();
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 7);
    bench.visits.handleAlarmPutOff(bench.now, MINUTE_MS);
    bench.heard();
    bench.report(BOB); // the visit that it brings shows nothing yet
    assert.ok(bench.untilVisit() < MINUTE_MS);
    bench.visits.handleCheckedIn(bench.now, 7);
    assert.deepEqual(bench.heard(), ['check in', 'done']);
    assert.ok(bench.untilVisit() <= MINUTE_MS);
    bench.visits.handleCheckedIn(bench.now, 7);
    assert.deepEqual(bench.heard(), ['check in', 'show ann']);
  });

  it('wait an interval where the authority does not say how long, and no longer than a bound', () => {
    for (const [askedMs, waitedMs] of [
      [undefined, INTERVAL_MS],
      [RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MAX],
      [RETRY_AFTER_MS_MAX + 1, RETRY_AFTER_MS_MAX],
    ] as const) {
      const bench = new Bench();
      bench.visit();
      bench.report();
      bench.untilVisit();
      bench.visits.handleCheckedIn(bench.now, 7);
      bench.visits.handleAlarmPutOff(bench.now, askedMs);
      const putOffAt = bench.now;
      bench.heard();
      while (!bench.heard().includes('show ann')) {
        bench.untilVisit();
        bench.visits.handleCheckedIn(bench.now, 7);
      }
      const tookMs = bench.now - putOffAt;
      assert.ok(tookMs >= waitedMs && tookMs <= waitedMs + LATEST_MS, `${tookMs} for ${askedMs ?? 'no word'}`);
    }
  });

  it('stay where the authority cannot be reached while they are shown', () => {
    const bench = new Bench();
    bench.visit();
    bench.report();
    bench.untilVisit();
    bench.visits.handleCheckedIn(bench.now, 7);
    bench.visits.handleFailed(bench.now, AWAY);
    assert.equal(bench.visits.alarms, 1);
    bench.visit();
    assert.equal(bench.heard().at(-1), 'show ann');
  });
});
