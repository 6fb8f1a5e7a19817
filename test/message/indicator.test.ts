import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import {
  LABEL_CHARACTERS_MAX,
  LABELS_MAX,
  parseIndicator,
  VALUE_CHARACTERS_MAX,
} from '../../src/message/payloads/indicator.ts';
import { INDICATOR_BYTES_MAX } from '../../src/message/limits.ts';

const GOOD = { kind: 'hash', value: 'e3b0c44298fc1c149afbf4c8996fb924', risk: 80 } as const;

const parse = (json: unknown) => parseIndicator(utf8(typeof json === 'string' ? json : JSON.stringify(json)));

describe('indicator (S1.15)', () => {
  it('is a hash, a rule or a STIX pattern with a risk', () => {
    assert.deepEqual(parse(GOOD), { ...GOOD, labels: [] });
    const pattern = "[file:hashes.'SHA-256' = 'aa'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'";
    const full = { kind: 'pattern', value: pattern, risk: 0, labels: ['malicious-activity'] };
    assert.deepEqual(parse({ ...full, valid_until: '2027-01-15T08:00:00Z' }), {
      ...full,
      validUntil: Date.UTC(2027, 0, 15, 8),
    });
    assert.equal(
      parse({ ...GOOD, kind: 'rule', value: 'alert tcp any any -> any 445 (msg:"x"; sid:1;)' }).kind,
      'rule',
    );
  });

  it('counts characters, not code units', () => {
    assert.equal(parse({ ...GOOD, value: '\u{1f510}'.repeat(400) }).value.length, 800);
    assert.equal(parse({ ...GOOD, value: 'x'.repeat(VALUE_CHARACTERS_MAX) }).value.length, VALUE_CHARACTERS_MAX);
    const long = { ...GOOD, value: 'x'.repeat(VALUE_CHARACTERS_MAX + 1) };
    assert.throws(() => parse(long), { code: 'ERR_MESSAGE_PAYLOAD' });
  });

  it('may have so many labels of so many characters', () => {
    const labels = Array.from({ length: LABELS_MAX }, () => 'x'.repeat(LABEL_CHARACTERS_MAX));
    assert.deepEqual(parse({ ...GOOD, labels }).labels, labels);
  });

  for (const [name, json] of [
    ['no JSON', 'kind=hash'],
    ['a JSON array', [GOOD]],
    ['null', null],
    ['a member that is not in the schema', { ...GOOD, log: 'x' }],
    ['a prototype for a member', '{"kind":"hash","value":"a","risk":1,"__proto__":{}}'],
    ['an unknown kind', { ...GOOD, kind: 'log' }],
    ['no kind', { value: 'a', risk: 1 }],
    ['an empty value', { ...GOOD, value: '' }],
    ['a value that is no text', { ...GOOD, value: 5 }],
    ['a risk beyond 100', { ...GOOD, risk: 101 }],
    ['a negative risk', { ...GOOD, risk: -1 }],
    ['a broken risk', { ...GOOD, risk: 1.5 }],
    ['a risk as text', { ...GOOD, risk: '80' }],
    ['too many labels', { ...GOOD, labels: Array.from({ length: LABELS_MAX + 1 }, () => 'a') }],
    ['a label that is too long', { ...GOOD, labels: ['x'.repeat(LABEL_CHARACTERS_MAX + 1)] }],
    ['an empty label', { ...GOOD, labels: [''] }],
    ['labels that are no list', { ...GOOD, labels: 'a' }],
    ['an end that is no time', { ...GOOD, valid_until: 'tomorrow' }],
    ['an end without a zone', { ...GOOD, valid_until: '2027-01-15T08:00:00' }],
    ['an end in the 13th month', { ...GOOD, valid_until: '2027-13-15T08:00:00Z' }],
    ['an end on 30 February', { ...GOOD, valid_until: '2030-02-30T00:00:00Z' }],
    ['an end on 29 February of no leap year', { ...GOOD, valid_until: '2030-02-29T00:00:00+01:00' }],
    ['an end on 31 April', { ...GOOD, valid_until: '2030-04-31T12:00:00.5Z' }],
    ['an end at 24 o’clock', { ...GOOD, valid_until: '2030-01-01T24:00:00Z' }],
    ['an end in a zone that is none', { ...GOOD, valid_until: '2030-01-01T00:00:00+24:00' }],
    ['half a surrogate pair', '{"kind":"rule","value":"a\\ud800","risk":1}'],
    ['a line break: a log', { ...GOOD, value: 'a\nb' }],
    ['a tab: a log', { ...GOOD, value: 'a\tb' }],
    ['a date and a time of day: a log', { ...GOOD, value: '2026-01-01 10:00:00 sshd[1]: failed password' }],
    ['the time of an access log', { ...GOOD, value: '10.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET /"' }],
    ['a syslog priority', { ...GOOD, value: '<34>su: failed' }],
    ['a syslog header', { ...GOOD, value: 'Jan  1 10:00:00 gate su: failed' }],
    ['a level before more text', { ...GOOD, value: 'app ERROR: cannot open file' }],
    ['a log in a label', { ...GOOD, labels: ['WARN disk is full'] }],
  ] as const)
    it(`refuses ${name}`, () => assert.throws(() => parse(json), { code: 'ERR_MESSAGE_PAYLOAD' }));

  it('takes the last day of February in a leap year, in any zone', () => {
    const end = Date.UTC(2028, 1, 28, 23, 30) as UnixMs;
    for (const text of ['2028-02-29T00:30:00+01:00', '2028-02-28t23:30:00z', '2028-02-28T23:30:00.000Z'])
      assert.equal(parse({ ...GOOD, valid_until: text }).validUntil, end, text);
  });

  it('refuses what is not UTF-8, and what is too large', () => {
    assert.throws(() => parseIndicator(Uint8Array.of(0xff)), { code: 'ERR_MESSAGE_PAYLOAD' });
    assert.throws(() => parseIndicator(new Uint8Array(INDICATOR_BYTES_MAX + 1)), { code: 'ERR_MESSAGE_PAYLOAD' });
  });
});
