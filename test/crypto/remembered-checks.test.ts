import assert from 'node:assert/strict';
import { it } from 'node:test';
import { utf8 } from '../../src/base/bytes.ts';
import { REMEMBERED_CHECKS_MAX, rememberChecks } from '../../src/crypto/signatures/remembered-checks.ts';

const one = utf8('1');

function counting(isGood: (signature: Uint8Array) => boolean) {
  let asked = 0;
  const check = rememberChecks((_algorithm, _spki, _signed, signature) => {
    asked++;
    return isGood(signature);
  });
  return { check, asked: () => asked };
}

it('a good signature is checked once, and any other argument is another question', () => {
  const { check, asked } = counting(() => true);
  assert.equal(check(one, one, one, one), true);
  assert.equal(check(one, one, one, utf8('1')), true);
  assert.equal(asked(), 1);
  check(one, one, utf8('2'), one);
  check(one, utf8('2'), one, one);
  check(utf8('2'), one, one, one);
  check(one, one, one, utf8('2'));
  assert.equal(asked(), 5);
});

it('T14: a forgery is checked each time, and pushes no good signature out', () => {
  const { check, asked } = counting((signature) => signature[0] === one[0]);
  check(one, one, one, one);
  for (let i = 0; i < 2 * REMEMBERED_CHECKS_MAX; i++) assert.equal(check(one, one, utf8(`${i}`), utf8('bad')), false);
  assert.equal(asked(), 1 + 2 * REMEMBERED_CHECKS_MAX);
  check(one, one, one, one);
  assert.equal(asked(), 1 + 2 * REMEMBERED_CHECKS_MAX);
});

it('beyond the bound the one that was asked about least lately is forgotten', () => {
  const { check, asked } = counting(() => true);
  for (let i = 0; i <= REMEMBERED_CHECKS_MAX; i++) check(one, one, utf8(`${i}`), one);
  check(one, one, utf8('0'), one);
  assert.equal(asked(), REMEMBERED_CHECKS_MAX + 2);
});
