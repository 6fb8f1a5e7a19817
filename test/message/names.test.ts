import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseNodeId } from '../../src/identity/node-id.ts';
import { formatAddress, parseAddress, splitAddress } from '../../src/message/payloads/address.ts';
import { isAddressedTo, parseAudience } from '../../src/message/audience.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { TYPE_BYTES_MAX } from '../../src/message/limits.ts';
import { messageIdOf, parseMessageId, streamKeyOf } from '../../src/message/message-id.ts';

describe('address', () => {
  for (const [text, host, port] of [
    ['10.0.0.1:4433', '10.0.0.1', 4433],
    ['gate-7.example:1', 'gate-7.example', 1],
    ['[fe80::1]:65535', 'fe80::1', 65_535],
    ['[::ffff:10.0.0.1]:80', '::ffff:10.0.0.1', 80],
  ] as const)
    it(`reads ${text}`, () => {
      assert.deepEqual(splitAddress(text), { host, port });
      assert.equal(formatAddress(host, port), text);
    });

  for (const text of [
    '',
    'host',
    'host:',
    ':80',
    'host:0',
    'host:65536',
    'host:080000',
    '::1:80',
    '[::1]',
    '[::1%eth0]:80',
    'a b:80',
    'host:80 ',
    'http://host:80',
    'user@host:80',
    '-host:80',
    `${'a'.repeat(254)}:80`,
    'host:80\n',
  ])
    it(`refuses ${JSON.stringify(text.slice(0, 24))}`, () =>
      assert.throws(() => parseAddress(text), { code: 'ERR_INPUT' }));

  it('takes port 0 only where any free port is meant', () => {
    assert.equal(splitAddress('127.0.0.1:0', 0).port, 0);
    assert.throws(() => splitAddress('127.0.0.1:0'), { code: 'ERR_INPUT' });
  });
});

describe('audience', () => {
  const self = parseNodeId('gate-7');

  it('is everybody, a node or a role', () => {
    assert.equal(isAddressedTo(undefined, self, []), true);
    assert.equal(isAddressedTo(parseAudience('gate-7'), self, []), true);
    assert.equal(isAddressedTo(parseAudience('gate-8'), self, ['gate-8']), false);
    assert.equal(isAddressedTo(parseAudience('role:operator'), self, ['sensor', 'operator']), true);
    assert.equal(isAddressedTo(parseAudience('role:operator'), self, ['sensor']), false);
  });

  for (const text of ['', 'role:', 'role:Operator', 'Gate', 'a b', 'authority', `role:${'r'.repeat(40)}`])
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseAudience(text), { code: 'ERR_MESSAGE_MALFORMED' }));
});

describe('message type', () => {
  for (const [text, capability] of [
    ['indicator', 'publish:indicator'],
    ['sensor/temperature', 'publish:sensor/temperature'],
    ['sensor/a/b/c', 'publish:sensor/a/b/c'],
    ['command/reboot', 'command:issue'],
    ['record', undefined],
  ] as const)
    it(`${text} needs ${capability ?? 'no capability'}`, () => {
      const type = parseMessageType(text);
      assert.equal(type.capability(text), capability);
      assert.equal(type.family, text.split('/')[0]);
    });

  for (const text of [
    '',
    'sensor/',
    'sensor//a',
    'sensor/a/',
    'sensor/.a',
    'sensor/*',
    `sensor/${'a/'.repeat(8)}a`,
    `sensor/${'a'.repeat(TYPE_BYTES_MAX)}`,
    'record/x',
    'toString',
    '__proto__',
  ])
    it(`refuses ${JSON.stringify(text.slice(0, 24))}`, () =>
      assert.throws(() => parseMessageType(text), { code: 'ERR_MESSAGE_MALFORMED' }));
});

describe('message id', () => {
  it('is one text, there and back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (incarnation, counter) => {
        const id = messageIdOf(parseNodeId('n1'), incarnation, counter);
        assert.deepEqual(parseMessageId(id), { origin: 'n1', incarnation, counter });
        assert.equal(id, `${streamKeyOf(parseNodeId('n1'), incarnation)}.${counter}`);
      }),
    );
  });

  for (const text of ['', 'n1', 'n1.1', 'n1.01.1', 'n1.1.-1', 'n1.1.1.1', 'n1.9007199254740992.0', 'N1.1.1', 'n1.1.1 '])
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseMessageId(text), { code: 'ERR_INPUT' }));

  it('refuses a reserved origin', () => assert.throws(() => parseMessageId('authority.1.1'), { code: 'ERR_NODE_ID' }));
});
