import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  AUTHORITY_LISTEN_DEFAULT,
  loadAuthorityConfig,
  renderAuthorityConfig,
} from '../../src/daemon/authority/config.ts';
import { CONFIG_BYTES_MAX, CONFIG_FILE } from '../../src/daemon/config.ts';
import { HOUR_MS } from '../../src/base/time.ts';
import { formatDuration } from '../../src/base/duration.ts';
import { CERTIFICATE_LIFE_MS_MAX, CERTIFICATE_LIFE_MS_MIN } from '../../src/authority/policy.ts';
import { tempDir } from '../support/temp-dir.ts';

const NOTHING = { environment: {}, flags: {} };

test('what init writes is what is read, and every commented knob is a knob with its default', (t) => {
  const directory = tempDir(t);
  const text = renderAuthorityConfig({
    mesh: 'depot',
    listen: 'h:1',
    hosts: ['ca.example', '::1'],
    certificateLifeMs: HOUR_MS,
  });
  writeFileSync(join(directory, CONFIG_FILE), text);
  const config = loadAuthorityConfig({ directory, ...NOTHING });
  assert.deepEqual(
    [config.mesh, config.listen, config.hosts, config.certificate_life],
    ['depot', 'h:1', ['ca.example', '::1'], HOUR_MS],
  );
  const uncommented = text.replace(/^# (?=[a-z_]+: )/gm, '').replace(/^allow:.*$/m, '');
  writeFileSync(join(directory, CONFIG_FILE), uncommented);
  assert.deepEqual(loadAuthorityConfig({ directory, ...NOTHING }), config);
});

test('a flag comes before the environment, and that before the file', (t) => {
  const directory = tempDir(t);
  writeFileSync(join(directory, CONFIG_FILE), 'mesh: depot\nlisten: file:1\n');
  const load = (environment: Record<string, string>, flags: Record<string, unknown>) =>
    loadAuthorityConfig({ directory, environment, flags }).listen;
  assert.equal(load({}, {}), 'file:1');
  assert.equal(load({ CHAINMAIL_LISTEN: 'environment:1' }, { listen: undefined }), 'environment:1');
  assert.equal(load({ CHAINMAIL_LISTEN: 'environment:1' }, { listen: 'flag:1' }), 'flag:1');
  writeFileSync(join(directory, CONFIG_FILE), 'mesh: depot\n');
  assert.equal(load({}, {}), AUTHORITY_LISTEN_DEFAULT);
});

test('values of the environment are YAML, and other variables are nobody’s business', (t) => {
  const directory = tempDir(t);
  const environment = {
    CHAINMAIL_MESH: 'depot',
    CHAINMAIL_ALLOW: '[a, b-*]',
    CHAINMAIL_NODES_MAX: '7',
    CHAINMAIL_OTHER: '{',
  };
  const config = loadAuthorityConfig({ directory, environment, flags: {} });
  assert.deepEqual([config.allow, config.nodes_max], [['a', 'b-*'], 7]);
});

test('a bad knob is told with the place it came from: command line, environment or file', (t) => {
  const directory = tempDir(t);
  writeFileSync(join(directory, CONFIG_FILE), 'mesh: depot\nlisten: nowhere\n');
  const load = (environment: Record<string, string>, flags: Record<string, unknown>) => () =>
    loadAuthorityConfig({ directory, environment, flags });
  assert.throws(load({}, {}), { code: 'ERR_CONFIG', message: /chainmail\.yaml.*listen/, hint: /chainmail\.yaml/ });
  const environment = { CHAINMAIL_LISTEN: 'elsewhere' };
  assert.throws(load(environment, {}), { message: /CHAINMAIL_LISTEN.*"elsewhere"/, hint: /unset/ });
  assert.throws(load(environment, { listen: 'here' }), { message: /command line.*"here"/, hint: /--help/ });
  assert.throws(load({ CHAINMAIL_ALLOW: '[' }, {}), { message: /CHAINMAIL_ALLOW/, hint: /CHAINMAIL_ALLOW/ });
});

test('a certificate lives so long at least, and so long at most', (t) => {
  const directory = tempDir(t);
  const load = (lifeMs: number): number =>
    loadAuthorityConfig({
      directory,
      environment: {},
      flags: { mesh: 'depot', certificate_life: formatDuration(lifeMs) },
    }).certificate_life;
  for (const lifeMs of [CERTIFICATE_LIFE_MS_MIN, CERTIFICATE_LIFE_MS_MAX]) assert.equal(load(lifeMs), lifeMs);
  for (const lifeMs of [CERTIFICATE_LIFE_MS_MIN - 1, CERTIFICATE_LIFE_MS_MAX + 1])
    assert.throws(() => load(lifeMs), { code: 'ERR_CONFIG', message: /certificate_life: expected 1m to 7d/ });
});

test('a configuration has so many characters at most', (t) => {
  const directory = tempDir(t);
  const write = (chars: number): void =>
    writeFileSync(join(directory, CONFIG_FILE), 'mesh: depot\n#'.padEnd(chars, 'x'));
  write(CONFIG_BYTES_MAX);
  assert.equal(loadAuthorityConfig({ directory, ...NOTHING }).mesh, 'depot');
  write(CONFIG_BYTES_MAX + 1);
  assert.throws(() => loadAuthorityConfig({ directory, ...NOTHING }), { code: 'ERR_CONFIG', message: /longer/ });
});

const BAD: readonly [string, string, RegExp][] = [
  ['a misspelt knob', 'mesh: m\nnodes_maxx: 3\n', /nodes_maxx/],
  ['a knob of the wrong type', 'mesh: m\nnodes_max: many\n', /nodes_max/],
  ['a life out of bounds', 'mesh: m\ncertificate_life: 8d\n', /certificate_life: expected 1m to 7d/],
  ['a life that is no duration', 'mesh: m\ncertificate_life: long\n', /certificate_life: duration "long"/],
  ['an address that is none', 'mesh: m\nlisten: nowhere\n', /listen/],
  ['what is no mapping', '- a\n- b\n', /name: value/],
  ['what is no YAML', 'mesh: [\n', /is not YAML/],
  ['a knob that stands twice', 'mesh: m\nmesh: n\n', /is not YAML/],
  ['aliases, which can grow without bound', 'mesh: &a m\nlisten: *a\n', /is not YAML|YAML/],
];
for (const [name, text, message] of BAD)
  test(`a configuration is refused: ${name}`, (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, CONFIG_FILE), text);
    assert.throws(() => loadAuthorityConfig({ directory, ...NOTHING }), { code: 'ERR_CONFIG', message });
  });
