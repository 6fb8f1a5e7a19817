import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientKeyOf } from '../../src/base/client-key.ts';

const CASES: readonly [string | undefined, string][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, 'unknown'],
];
for (const [address, key] of CASES)
  test(`requests from ${address} are counted for ${key}`, () => assert.equal(clientKeyOf(address), key));
