import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { regionSetCovers } from '../../../src/message/request/region-set.ts';

describe('a region set', () => {
  it('names regions, one by one or with wildcards', () => {
    for (const set of [
      'depot',
      'a,depot',
      ' depot , b',
      '*',
      'd*',
      'depot*',
      '*t',
      'd*t',
      'de*p*t',
      '**',
      '*depot*',
      'x*,d*',
    ])
      assert.equal(regionSetCovers(set, 'depot'), true, set);
    for (const set of [
      'depo',
      'depots',
      'Depot',
      'd*x',
      'x*',
      '*x',
      'dep*pot',
      'd*e*d',
      'depot*t',
      'a,b',
      '?epot',
      'd.*',
    ])
      assert.equal(regionSetCovers(set, 'depot'), false, set);
  });

  it('is refused where an entry is empty or has blanks inside', () => {
    for (const set of ['', ',', 'a,', 'de pot', ' '])
      assert.throws(() => regionSetCovers(set, 'depot'), { code: 'ERR_REQUEST_MALFORMED' }, JSON.stringify(set));
  });
});
