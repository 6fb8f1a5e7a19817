import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BENCHES } from '../../src/bench/table.ts';
import { serfRounds } from '../../src/bench/spread.ts';

/** So little of each that it ends at once: what is looked at here is that it works and how it says so. */
const ITEMS: Readonly<Record<string, number>> = {
  gossip: 20,
  links: 4,
  issue: 8,
  crl: 100,
  spread: 30,
  sim: 30,
  idle: 1,
  tree: 50,
};

/** Cases of the contract that there are so far. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  gossip: ['single', 'batch'],
  links: ['full', 'resumed'],
  issue: ['issue'],
  crl: ['build', 'parse', 'lookup'],
  spread: ['rounds', 'hops'],
  sim: ['events', 'message'],
  idle: ['memory', 'wakeups'],
  tree: ['derive'],
};

describe('benchmarks', () => {
  for (const bench of BENCHES.filter(({ name }) => name in ITEMS))
    it(`${bench.name} measures its cases beside a yardstick`, async () => {
      const said: string[] = [];
      const results = await bench.run((text) => said.push(text), { items: ITEMS[bench.name], rounds: 1 });
      assert.deepEqual(
        results.map((result) => result.case),
        CASES[bench.name],
      );
      for (const result of results) {
        const members = ['case', 'unit', 'ours', 'yardstick', 'yardstick_value', 'ratio'];
        assert.deepEqual(Object.keys(result), members, 'the members of the contract, and no others');
        for (const figure of [result.ours, result.yardstick_value, result.ratio])
          assert.ok(Number.isFinite(figure) && figure >= 0, `${bench.name} ${result.case}: ${figure}`);
      }
      assert.ok(said.length > 0, 'people are told how far it is');
    });

  it('the names are all different', () => {
    assert.equal(new Set(BENCHES.map(({ name }) => name)).size, BENCHES.length);
  });
});

describe('serfRounds', () => {
  it('with full contact and no loss it is the logistic curve', () => {
    // n / (1 + (n + 1) e^(-t)) = 0.9999 n at t = ln(n + 1) - ln(1 / 0.9999 - 1), for a contact rate of 1
    assert.ok(Math.abs(serfRounds(1_000, 2, 0) - (Math.log(1_001) - Math.log(1 / 0.9999 - 1))) < 1e-9);
  });

  it('loss and fewer contacts make it slower', () => {
    assert.ok(serfRounds(1_000, 3, 0.1) > serfRounds(1_000, 3, 0));
    assert.ok(serfRounds(1_000, 2, 0) > serfRounds(1_000, 3, 0));
  });
});
