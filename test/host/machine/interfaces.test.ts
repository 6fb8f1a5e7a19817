import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import {
  allAddresses,
  hostFromHere,
  isLoopback,
  isWildcard,
  outerAddresses,
} from '../../../src/host/machine/interfaces.ts';

test('loopback is this machine and no name that only looks like it', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host), host);
  for (const host of ['127.example.org', '128.0.0.1', '0.0.0.0', '::', 'localhost.example.org'])
    assert.equal(isLoopback(host), false, host);
  assert.deepEqual(['0.0.0.0', '::', '127.0.0.1', '::1'].filter(isWildcard), ['0.0.0.0', '::']);
  for (const host of ['0.0.0.0', '::']) assert.ok(isLoopback(hostFromHere(host)), host);
  assert.equal(hostFromHere('192.0.2.1'), '192.0.2.1');
});

test('every address is one that a certificate can name, and there is always one to be called at', () => {
  for (const address of allAddresses()) assert.notEqual(isIP(address), 0, address);
  assert.ok(outerAddresses(['IPv4', 'IPv6']).every((address) => allAddresses().includes(address)));
  assert.ok(outerAddresses(['IPv4', 'IPv6']).length > 0);
});
