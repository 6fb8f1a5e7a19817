import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OWN_ROLES_MAX, parseOwnRoles } from '../../src/authority/policy.ts';
import { loadAuthorityConfig } from '../../src/daemon/authority/config.ts';
import { CAPABILITIES_MAX, capabilitiesOfRoles, parseRole } from '../../src/identity/capability.ts';

describe('roles that a mesh makes up', () => {
  it('add to what every node may do, and change no role of every mesh', () => {
    const own = parseOwnRoles({ camera: ['publish:camera/*'], 'guard-dog': ['command:issue'] });
    assert.deepEqual(capabilitiesOfRoles([parseRole('camera')], own), [
      'publish:camera/*',
      'publish:indicator',
      'publish:sensor/*',
      'relay',
    ]);
    assert.deepEqual(capabilitiesOfRoles([parseRole('camera')]), capabilitiesOfRoles([]));
    for (const role of ['operator', 'administrator', 'auditor', 'Camera'])
      assert.throws(() => parseOwnRoles({ [role]: ['publish:camera/*'] }), { code: 'ERR_INPUT' }, role);
    assert.throws(() => parseOwnRoles({ camera: ['publish camera'] }), { code: 'ERR_INPUT' });
  });

  it(`grant no more in all than a certificate holds, which is ${CAPABILITIES_MAX}`, () => {
    const room = CAPABILITIES_MAX - capabilitiesOfRoles([parseRole('operator')]).length;
    const topics = (count: number): string[] => Array.from({ length: count }, (_, i) => `publish:camera/n${i}`);
    assert.equal(parseOwnRoles({ camera: topics(room) }).size, 1);
    assert.throws(() => parseOwnRoles({ camera: topics(room), door: ['publish:door'] }), { code: 'ERR_INPUT' });
  });

  for (const [knob, value] of [
    ['roles', { operator: ['relay'] }],
    ['roles', { camera: 'publish:camera' }],
    ['roles', Object.fromEntries(Array.from({ length: OWN_ROLES_MAX + 1 }, (_, i) => [`r${i}`, ['relay']]))],
    ['delegate_scope', []],
    ['delegate_scope', ['Everything']],
  ] as const)
    it(`are refused as ${knob}: ${JSON.stringify(value).slice(0, 40)}`, () => {
      const flags = { mesh: 'depot', [knob]: value };
      assert.throws(() => loadAuthorityConfig({ directory: '/nonexistent', environment: {}, flags }), {
        code: 'ERR_CONFIG',
        message: new RegExp(knob),
      });
    });
});
