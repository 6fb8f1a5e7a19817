import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, utf8 } from '../../src/base/bytes.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import {
  CAPABILITY_CHARS_MAX,
  capabilitiesOfRoles,
  grants,
  PLAIN_CAPABILITIES,
  parseCapability,
  parseRole,
} from '../../src/identity/capability.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { isKeyDerivedNodeId, nodeIdOfSpki, parseNodeId } from '../../src/identity/node-id.ts';

describe('node ids (S1.08)', () => {
  it('are DNS labels', () => {
    for (const id of ['n1', 'a', '0', 'edge-7', 'x'.repeat(63)]) assert.equal(parseNodeId(id), id);
    for (const id of ['', '-a', 'a-', 'N1', 'a.b', 'a_b', 'ü', 'a b', 'a\n', 'x'.repeat(64), 'a/../b'])
      assert.throws(() => parseNodeId(id), { code: 'ERR_NODE_ID' }, JSON.stringify(id));
  });

  it('never speak for the authority or for everybody (T15)', () => {
    for (const id of ['authority', 'broadcast']) assert.throws(() => parseNodeId(id), { code: 'ERR_NODE_ID' });
  });

  it('are by default base32 of the key hash', () => {
    const id = nodeIdOfSpki(utf8('key'));
    assert.match(id, /^[a-z2-7]{52}$/);
    assert.equal(parseNodeId(id), id);
    // RFC 4648 section 6, checked against the bits of the hash.
    const bits = [...sha256(utf8('key'))]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('')
      .padEnd(260, '0');
    const letters = [...id]
      .map((c) => 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(c).toString(2).padStart(5, '0'))
      .join('');
    assert.equal(letters, bits);
  });

  it('tell the key-derived form from a chosen name', () => {
    assert.equal(isKeyDerivedNodeId(nodeIdOfSpki(fromHex('00'))), true);
    for (const id of ['n1', 'a'.repeat(51), 'a'.repeat(53), `${'a'.repeat(51)}b`, `${'a'.repeat(51)}1`])
      assert.equal(isKeyDerivedNodeId(id), false);
  });
});

describe('mesh names', () => {
  it('are labels that begin with a letter', () => {
    for (const name of ['a', 'fleet', 'fleet-7', 'x'.repeat(31)]) assert.equal(parseMeshName(name), name);
    for (const name of ['', '7', '-a', 'a-', 'Fleet', 'a.b', 'x'.repeat(32), 'a\n', 'fleet/node'])
      assert.throws(() => parseMeshName(name), { code: 'ERR_MESH_NAME' }, JSON.stringify(name));
  });
});

describe('capabilities', () => {
  it('have one form', () => {
    for (const text of [
      'relay',
      'publish:indicator',
      'publish:sensor/*',
      'publish:sensor/a.b/c',
      'publish:sensor/a/*',
      'a:b:c',
    ])
      assert.equal(parseCapability(text), text);
    for (const text of [
      '',
      '*',
      ':a',
      'a:',
      'A',
      'a/',
      'a/*/b',
      'a/b*',
      'a b',
      'publish:*',
      'a//b',
      `a/${'x'.repeat(CAPABILITY_CHARS_MAX)}`,
    ])
      assert.throws(() => parseCapability(text), { code: 'ERR_INPUT' }, text);
    for (const text of ['', 'Sensor', 'a:b', 'a b', 'x'.repeat(32)])
      assert.throws(() => parseRole(text), { code: 'ERR_INPUT' });
  });

  it('grant a topic through a trailing wildcard, and nothing beside it', () => {
    const held = ['publish:sensor/*', 'relay'].map(parseCapability);
    for (const needed of ['relay', 'publish:sensor/temperature', 'publish:sensor/a/b'])
      assert.equal(grants(held, needed), true, needed);
    for (const needed of [
      'publish:sensor',
      'publish:sensor/',
      'publish:sensors/a',
      'publish:indicator',
      'relay/x',
      'rela',
      'command:issue',
      '',
    ])
      assert.equal(grants(held, needed), false, needed);
  });

  it('let nobody issue commands by default', () => {
    assert.equal(grants(PLAIN_CAPABILITIES, 'command:issue'), false);
    assert.equal(grants(capabilitiesOfRoles([parseRole('sensor')]), 'command:issue'), false);
    assert.equal(grants(capabilitiesOfRoles([parseRole('operator')]), 'command:issue'), true);
  });

  it('are not widened by a role that is unknown here', () => {
    assert.deepEqual(capabilitiesOfRoles([parseRole('drone')]), [...PLAIN_CAPABILITIES].sort());
  });
});
