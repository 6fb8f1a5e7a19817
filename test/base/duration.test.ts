import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DURATION_MS_MAX, formatDuration, parseDuration } from '../../src/base/duration.ts';

const GOOD: readonly [string, number, string?][] = [
  ['24h', 86_400_000, '1d'],
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1m500ms', 60_500],
  ['7d', 604_800_000],
];
for (const [text, ms, shortest = text] of GOOD)
  test(`${text} is ${ms} ms`, () => {
    assert.equal(parseDuration(text), ms);
    assert.equal(formatDuration(ms), shortest);
    assert.equal(parseDuration(formatDuration(ms)), ms);
  });

test('a hundred years are the longest', () => {
  const longest = formatDuration(DURATION_MS_MAX);
  assert.equal(parseDuration(longest), DURATION_MS_MAX);
  assert.throws(() => parseDuration(`${longest}1ms`), { code: 'ERR_INPUT' });
});

test('no time at all is a span only where it may be', () => {
  for (const text of ['0s', '0ms', '0h0m']) assert.equal(parseDuration(text, 0), 0);
  assert.throws(() => parseDuration('0', 0), { code: 'ERR_INPUT' });
});

for (const text of ['', '24', 'h', '-1h', '1.5h', '1 h', '0s', '1w', '1H', '9999999999s', '999999d', ' 1h'])
  test(`${JSON.stringify(text)} is no duration`, () => assert.throws(() => parseDuration(text), { code: 'ERR_INPUT' }));
