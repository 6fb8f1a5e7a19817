import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const right = new Secret(utf8('correct horse'));
const wrong = new Secret(utf8('correct house'));

test('a key that was made is there when the store is opened again, and signs', async (t) => {
  const folder = join(tempDir(t), 'keys');
  const store = await FileKeyStore.open(folder, right);
  assert.equal(await store.has('identity'), false);
  const made = await store.generate('identity');
  const again = await FileKeyStore.open(folder, right);
  assert.equal(await again.has('identity'), true);
  const opened = await again.open('identity');
  assert.deepEqual(opened.spki, made.spki);
  const data = utf8('data');
  assert.equal(PublicKey.fromSpki(made.spki).verify('ES256', data, await opened.sign(data)), true);
  const pem = await again.exportPem('identity');
  const spki = createPublicKey(createPrivateKey(pem)).export({ format: 'der', type: 'spki' });
  assert.deepEqual(new Uint8Array(spki), made.spki);
});

test('a wrong passphrase is told as such, before any key is asked for', async (t) => {
  const folder = tempDir(t);
  await FileKeyStore.open(folder, right);
  await assert.rejects(FileKeyStore.open(folder, wrong), { code: 'ERR_PASSPHRASE_WRONG' });
});

test('files are sealed and readable by their owner only', async (t) => {
  const folder = tempDir(t);
  const store = await FileKeyStore.open(folder, right);
  await store.generate('issuer');
  assert.deepEqual(readdirSync(folder).sort(), ['check.box', 'issuer.key.box']);
  for (const name of readdirSync(folder)) {
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(folder, name)).includes('PRIVATE KEY'), false);
  }
});

test('a key file that others may read is refused (S1.50)', async (t) => {
  const folder = tempDir(t);
  const store = await FileKeyStore.open(folder, right);
  await store.generate('issuer');
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(join(folder, 'issuer.key.box'), mode);
    await assert.rejects(store.open('issuer'), { code: 'ERR_KEY_FILE_MODE', hint: /^chmod 600 / });
  }
  chmodSync(join(folder, 'check.box'), 0o644);
  await assert.rejects(FileKeyStore.open(folder, right), { code: 'ERR_KEY_FILE_MODE' });
});

test('a key is made once, and a missing one is named', async (t) => {
  const store = await FileKeyStore.open(tempDir(t), right);
  const first = await store.generate('identity');
  await assert.rejects(store.generate('identity'), { code: 'ERR_DIR_EXISTS' });
  assert.deepEqual((await store.open('identity')).spki, first.spki);
  await assert.rejects(store.open('root'), { code: 'ERR_KEY_MISSING' });
});

test('a key file under another name does not open', async (t) => {
  const folder = tempDir(t);
  const store = await FileKeyStore.open(folder, right);
  await store.generate('identity');
  writeFileSync(join(folder, 'issuer.key.box'), readFileSync(join(folder, 'identity.key.box')), { mode: 0o600 });
  await assert.rejects(store.open('issuer'), { code: 'ERR_STATE_CORRUPT' });
});

test('a damaged key file is refused', async (t) => {
  const folder = tempDir(t);
  const store = await FileKeyStore.open(folder, right);
  await store.generate('identity');
  writeFileSync(join(folder, 'identity.key.box'), 'rubbish', { mode: 0o600 });
  await assert.rejects(store.open('identity'), { code: 'ERR_STATE_CORRUPT' });
});
