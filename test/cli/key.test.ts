import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MNEMONIC_WORDS } from '../../src/identity/key-tree/mnemonic.ts';
import { chainmail, type ToldError } from '../support/processes/chainmail.ts';
import { tempDir } from '../support/temp-dir.ts';

const SEED = '000102030405060708090a0b0c0d0e0f';
/** BIP-32 test vector 1, chain m/0'/1. */
const XPUB =
  'xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ';
const XPRV =
  'xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs';

async function told(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 0, stderr + stdout);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout } = await chainmail([...args, '--json']);
  assert.equal(code, 1, stdout);
  return (JSON.parse(stdout) as ToldError).error.code;
}

describe('chainmail key', () => {
  it('derives from a seed, and from the keys on the way', async () => {
    const whole = await told('key', 'derive', '--seed', SEED, '--path', "m/0'/1", '--private');
    assert.deepEqual(whole, {
      path: "m/0'/1",
      depth: 2,
      fingerprint: 'bef5a2f9',
      parent_fingerprint: '5c1bd648',
      chain_code: '2a7857631386ba23dacac34180dd1983734e444fdbf774041578e9b6adb37c19',
      public_key: '03501e454bf00751f24b1b489aa925215d66af2234e3891c3b21a52bedb3cd711c',
      xpub: XPUB,
      private_key: '3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368',
      xprv: XPRV,
    });
    const { private_key: _, xprv: __, ...facts } = whole;
    assert.deepEqual(await told('key', 'derive', '--seed', SEED, '--path', 'm/0h/1'), facts);
    const { xpub: parent } = await told('key', 'xpub', '--seed', SEED, '--path', "m/0'");
    assert.deepEqual(await told('key', 'derive', '--key', String(parent), '--path', 'm/1'), { ...facts, path: 'm/1' });
  });

  it('derives on the other curves, where there is no xpub', async () => {
    for (const curve of ['p256', 'ed25519']) {
      const facts = await told('key', 'derive', '--seed', SEED, '--path', "m/0'", '--curve', curve, '--private');
      assert.equal(facts['xpub'], null);
      assert.equal(facts['xprv'], null);
      assert.equal(String(facts['public_key']).length, curve === 'p256' ? 66 : 64);
    }
  });

  it('keeps a master key as words, and finds it again', async (t) => {
    const folder = tempDir(t);
    for (const words of MNEMONIC_WORDS) {
      const out = join(folder, `${words}.words`);
      const made = await told('key', 'generate', '--out', out, '--words', String(words));
      assert.equal(readFileSync(out, 'utf8').trim().split(' ').length, words);
      assert.equal(statSync(out).mode & 0o777, 0o600);
      const { fingerprint } = await told('key', 'derive', '--mnemonic-file', out, '--path', 'm');
      assert.equal(fingerprint, made['fingerprint']);
      assert.equal(await refused('key', 'generate', '--out', out), 'ERR_FILE_EXISTS');
    }
    const passphrase = join(folder, 'passphrase');
    const words = join(folder, 'known.words');
    writeFileSync(passphrase, 'TREZOR\n');
    writeFileSync(words, `${'abandon '.repeat(11)}about`);
    // The first of the vectors that belong to BIP-39.
    const { xprv } = await told(
      'key',
      'derive',
      '--private',
      '--path',
      'm',
      '--mnemonic-file',
      words,
      '--mnemonic-passphrase-file',
      passphrase,
    );
    assert.match(String(xprv), /^xprv9s21ZrQH143K3h3fDYiay8mocZ3afhfULfb5GX8kCBdno77K4/);
  });

  it('reads extended keys', async () => {
    assert.deepEqual((await told('key', 'import', XPUB))['kind'], 'public');
    const read = await told('key', 'import', XPRV);
    assert.equal(read['kind'], 'private');
    assert.equal(read['depth'], 2);
    assert.equal(read['xpub'], XPUB);
    assert.equal(JSON.stringify(read).includes('3c6cb8d0'), false, 'no private key unless it is asked for');
  });

  it('finds the address of a wallet, whatever the form of its key', async () => {
    const keys = [
      '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
      '0x0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
      '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8',
    ];
    for (const key of keys)
      assert.deepEqual(await told('key', 'address', key), { address: '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf' });
  });

  it('says that a file cannot be made where no folder is, and leaves none behind', async (t) => {
    const folder = join(tempDir(t), 'missing');
    const out = join(folder, 'k');
    for (const args of [
      ['key', 'generate', '--out', out],
      ['delegate', 'key', '--out', out],
      ['signer', 'keys', 'generate', '--out-folder', out, '--count', '1'],
    ]) {
      const { code, stdout } = await chainmail([...args, '--json']);
      const { error } = JSON.parse(stdout) as ToldError;
      assert.deepEqual([code, error.code], [1, 'ERR_CONFIG'], args.join(' '));
      assert.ok(error.message.includes(out) && error.message.includes('ENOENT'), error.message);
    }
    assert.ok(!existsSync(folder));
  });

  it('refuses what is no key, each with its code', async () => {
    const derive = (...more: readonly string[]) => refused('key', 'derive', ...more);
    assert.equal(await refused('key', 'import', `${XPUB.slice(0, -1)}R`), 'ERR_KEY_CHECKSUM');
    assert.equal(await refused('key', 'import', 'not a key'), 'ERR_KEY_ENCODING');
    assert.equal(await refused('key', 'address', `02${'00'.repeat(31)}07`), 'ERR_KEY_POINT');
    assert.equal(await refused('key', 'address', 'zz'), 'ERR_KEY_POINT');
    assert.equal(await derive('--seed', SEED, '--path', "0'/1"), 'ERR_KEY_PATH');
    assert.equal(await derive('--seed', '00', '--path', 'm'), 'ERR_KEY_SEED');
    assert.equal(await derive('--seed', 'xyz', '--path', 'm'), 'ERR_KEY_SEED');
    assert.equal(await derive('--seed', SEED, '--path', 'm/1', '--curve', 'ed25519'), 'ERR_KEY_CURVE');
    assert.equal(await derive('--key', XPRV, '--path', 'm/1', '--curve', 'p256'), 'ERR_KEY_CURVE');
    assert.equal(await derive('--key', XPUB, '--path', "m/1'"), 'ERR_KEY_HARDENED');
    assert.equal(await derive('--key', XPUB, '--path', 'm/1', '--private'), 'ERR_KEY_PUBLIC');
    assert.equal(await derive('--mnemonic-file', '/nowhere/words', '--path', 'm'), 'ERR_KEY_MNEMONIC');
  });

  it('tells wrong usage apart (exit 2)', async () => {
    const wrong = [
      ['key', 'derive', '--path', 'm'],
      ['key', 'derive', '--seed', SEED, '--key', XPUB, '--path', 'm'],
      ['key', 'derive', '--seed', SEED],
      ['key', 'derive', '--seed', SEED, '--mnemonic-passphrase-file', 'x', '--path', 'm'],
      ['key', 'derive', '--seed', SEED, '--path', 'm', '--curve', 'p521'],
      ['key', 'generate', '--out', 'x', '--words', '13'],
    ];
    for (const args of wrong) assert.equal((await chainmail(args)).code, 2, args.join(' '));
  });
});
