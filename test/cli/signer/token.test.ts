import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { RING_KEYS_MAX } from '../../../src/signer/key-ring.ts';
import type { SignedRecordJson } from '../../../src/signer/signed-line.ts';
import { chainmail, LongCommand, type ToldError } from '../../support/processes/chainmail.ts';
import { writeRecords } from '../../support/processes/signer-storm.ts';
import { missingToken, SOFTHSM_LIBRARY, type SoftToken, softToken } from '../../support/foreign/soft-token.ts';

interface Ring {
  readonly fingerprint: string;
  readonly keys: readonly string[];
}

async function told<T>(token: SoftToken, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json'], token.environment);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

async function refused(token: SoftToken, environment: object, ...args: string[]): Promise<ToldError['error']> {
  const { code, stdout, stderr } = await chainmail(['signer', ...args, '--json'], {
    ...token.environment,
    ...environment,
  });
  assert.equal(code, 1, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as ToldError).error;
}

function withRecords(token: SoftToken, count: number): { dir: string; file: string } {
  return { dir: join(token.folder, 'records'), file: writeRecords(token.folder, 'records.jsonl', count).file };
}

/** Asks the token with another program. */
function pkcs11Tool(token: SoftToken, ...args: string[]): string {
  const login = ['--module', SOFTHSM_LIBRARY, '--token-label', 'field kit', '--login', '--pin', token.pin];
  const env = { ...process.env, ...token.environment };
  return spawnSync('pkcs11-tool', [...login, ...args], { env, encoding: 'utf8' }).stdout;
}

async function generated(t: TestContext, count: number): Promise<{ token: SoftToken; ring: Ring }> {
  const token = softToken(t);
  return { token, ring: await told(token, 'keys', 'generate', '--keys', token.uri, '--count', String(count)) };
}

describe('keys in a PKCS #11 token', { skip: await missingToken() }, () => {
  it('sign what verifies, in turn, and never leave the token', async (t) => {
    const { token, ring } = await generated(t, 3);
    assert.deepEqual(await told<Ring>(token, 'keys', 'list', '--keys', token.uri, '--dir', 'any'), {
      fingerprint: ring.fingerprint,
      keys: ring.keys,
    });
    const objects = pkcs11Tool(token, '--list-objects', '--type', 'privkey');
    assert.equal(objects.match(/sensitive, always sensitive, never extractable/g)?.length, 3, objects);

    const { dir, file } = withRecords(token, 700);
    await told(token, 'import', '--dir', dir, file);
    const { signed } = await told<{ signed: number }>(token, 'sign', '--dir', dir, '--keys', token.uri, '--size', '90');
    assert.equal(signed, 700);
    const out = join(token.folder, 'signed.jsonl');
    await told(token, 'export', '--dir', dir, '--out', out);
    assert.deepEqual(await told(token, 'verify', out), { ok: true, checked: 700, errors: [] });
    const signers = new Set(
      readFileSync(out, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as SignedRecordJson).key),
    );
    assert.deepEqual([...signers].sort(), [...ring.keys].sort());

    assert.ok(!existsSync(join(dir, 'keys.json')));
    for (const name of readdirSync(dir)) assert.ok(!readFileSync(join(dir, name)).includes(token.pin), name);
  });

  it('are there once: a second ring of the name is refused, and other keys of the token are not in it', async (t) => {
    const { token, ring } = await generated(t, 1);
    assert.equal(
      (await refused(token, {}, 'keys', 'generate', '--keys', token.uri, '--count', '1')).code,
      'ERR_DIR_EXISTS',
    );
    const other = token.uri.replace('object=ring', 'object=other');
    await told(token, 'keys', 'generate', '--keys', other, '--count', '2');
    pkcs11Tool(token, '--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'ring', '--id', '77');
    assert.deepEqual((await told<Ring>(token, 'keys', 'list', '--keys', token.uri, '--dir', 'any')).keys, ring.keys);
    const all = token.uri.replace(';object=ring', '');
    assert.equal((await told<Ring>(token, 'keys', 'list', '--keys', all, '--dir', 'any')).keys.length, 3);
    const tooMany = await chainmail(
      ['signer', 'keys', 'generate', '--keys', `${token.uri}x`, '--count', String(RING_KEYS_MAX + 1)],
      token.environment,
    );
    assert.equal(tooMany.code, 2);
  });

  it('serve the signing service, which answers with signatures of theirs', async (t) => {
    const { token, ring } = await generated(t, 2);
    const { dir } = withRecords(token, 1);
    const args = ['signer', 'run', '--dir', dir, '--keys', token.uri, '--listen', '127.0.0.1:0', '--json'];
    const service = new LongCommand(args, token.environment);
    t.after(() => service.end('SIGTERM'));
    const { url } = await service.json<{ url: string }>();
    const body = Array.from({ length: 40 }, (_, i) => `{"id":"${i}","msg":"m${i}"}\n`).join('');
    await fetch(`${url}/records`, { method: 'POST', body, headers: { 'content-type': 'application/x-ndjson' } });
    const answer = (await (await fetch(`${url}/sign/10?wait=1`)).json()) as { signed: number };
    assert.equal(answer.signed, 40);
    const record = (await (await fetch(`${url}/records/7`)).json()) as SignedRecordJson;
    assert.ok(ring.keys.includes(record.key));
  });

  it('are refused with what to do: wrong PIN, no PIN, PIN for all to read, no such token, library or key', async (t) => {
    const { token } = await generated(t, 1);
    const { dir, file } = withRecords(token, 5);
    await told(token, 'import', '--dir', dir, file);
    const sign = (uri: string, environment: object = {}): Promise<ToldError['error']> =>
      refused(token, environment, 'sign', '--dir', dir, '--keys', uri);

    const wrong = join(token.folder, 'wrong');
    writeFileSync(wrong, '000000', { mode: 0o600 });
    const noPin = token.uri.replace(/&pin-source=.*/, '');
    const wrongPin = await sign(noPin, { CHAINMAIL_SIGNER_PIN_FILE: wrong });
    assert.equal(wrongPin.code, 'ERR_KEY_TOKEN');
    assert.match(wrongPin.message, /PIN/);
    assert.ok(!JSON.stringify(wrongPin).includes('000000'));
    chmodSync(token.pinFile, 0o644);
    assert.equal((await sign(token.uri)).code, 'ERR_KEY_FILE_MODE');
    chmodSync(token.pinFile, 0o600);

    assert.equal((await sign(token.uri.replace('field', 'other'))).code, 'ERR_KEY_TOKEN');
    assert.equal((await sign(token.uri.replace('libsofthsm2', 'libnone'))).code, 'ERR_KEY_TOKEN');
    assert.equal((await sign(token.uri.replace('ring', 'none'))).code, 'ERR_RING_MISSING');
    for (const args of [
      ['--keys', noPin],
      ['--keys', token.uri, '--engine', 'wasm'],
    ])
      assert.equal((await chainmail(['signer', 'sign', '--dir', dir, ...args], token.environment)).code, 2);
    assert.equal((await told<{ unsigned: number }>(token, 'stats', '--dir', dir)).unsigned, 5);
  });
});
