import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { utf8 } from '../../../src/base/bytes.ts';
import { PublicKey } from '../../../src/crypto/public-key.ts';
import { generatePkcs8, softwareSigner, type SyncSigner } from '../../../src/crypto/signer.ts';
import { loadP256Addon, type P256Addon } from '../../../src/host/p256/addon.ts';
import {
  CHECKS_BEFORE_TABLE,
  CHECKS_IN_PERIOD,
  FrequentKeys,
  KEY_TABLES_MAX,
} from '../../../src/host/p256/frequent-keys.ts';
import { FakeP256Addon, missingP256Addon } from '../../support/p256-addon.ts';

const DATA = utf8('what was said');

function unexpected(error: Error): never {
  throw error;
}

/** A key, and one good signature of it: to check it again costs as much as another. */
function keyOf(signer: SyncSigner = softwareSigner(generatePkcs8('P-256'))) {
  return { key: PublicKey.fromSpki(signer.spki), signature: signer.signSync(DATA) };
}

/** Asks so often; every answer must be the same. */
function ask(keys: FrequentKeys, { key, signature }: ReturnType<typeof keyOf>, times: number, answer = true): void {
  for (let i = 0; i < times; i++) assert.equal(keys.check(key, 'ES256', DATA, signature), answer);
}

function spoilt({ key, signature }: ReturnType<typeof keyOf>): ReturnType<typeof keyOf> {
  return { key, signature: signature.with(40, (signature[40] as number) ^ 1) };
}

describe('checks of keys that sign often', () => {
  it('gives a key a table once it has signed often enough, and not for signatures that do not hold', () => {
    const addon = new FakeP256Addon(true);
    const keys = new FrequentKeys(addon, unexpected);
    const one = keyOf();
    ask(keys, spoilt(one), 3 * CHECKS_BEFORE_TABLE, false);
    ask(keys, one, CHECKS_BEFORE_TABLE - 1);
    assert.deepEqual([addon.tables, addon.asked], [0, 0]);
    ask(keys, one, 6);
    assert.deepEqual([addon.tables, addon.asked], [1, 5]);
  });

  it('has node:crypto judge what the addon refuses', () => {
    const addon = new FakeP256Addon(false);
    const keys = new FrequentKeys(addon, unexpected);
    ask(keys, keyOf(), 2 * CHECKS_BEFORE_TABLE);
    assert.equal(addon.asked, CHECKS_BEFORE_TABLE);
  });

  it('never asks an addon again that took what node:crypto refuses', () => {
    const addon = new FakeP256Addon(true);
    const faults: Error[] = [];
    const keys = new FrequentKeys(addon, (error) => faults.push(error));
    const one = keyOf();
    ask(keys, one, CHECKS_BEFORE_TABLE);
    ask(keys, spoilt(one), 3, false);
    ask(keys, one, 2 * CHECKS_BEFORE_TABLE);
    assert.deepEqual([addon.asked, faults.length, keys.tableCount], [1, 1, 0]);
    assert.match(String(faults[0]), /node:crypto refuses/);
  });

  it('leaves other algorithms to the key, and signatures of another length', () => {
    const addon = new FakeP256Addon(true);
    const keys = new FrequentKeys(addon, unexpected);
    const edwards = softwareSigner(generatePkcs8('Ed25519'));
    const { key, signature } = keyOf(edwards);
    for (let i = 0; i < 2 * CHECKS_BEFORE_TABLE; i++) {
      assert.equal(keys.check(key, 'Ed25519', DATA, signature), true);
      assert.equal(keys.check(key, 'ES256', DATA, signature), false);
    }
    const one = keyOf();
    ask(keys, one, CHECKS_BEFORE_TABLE);
    assert.equal(keys.check(one.key, 'Ed25519', DATA, one.signature), false);
    assert.equal(keys.check(one.key, 'ES256', DATA, one.signature.subarray(1)), false);
    assert.deepEqual([addon.tables, addon.asked], [1, 0]);
  });

  it(`holds ${KEY_TABLES_MAX} tables; who comes later is checked without, until others have been silent`, () => {
    const addon = new FakeP256Addon(true);
    const keys = new FrequentKeys(addon, unexpected);
    for (let i = 0; i < KEY_TABLES_MAX; i++) ask(keys, keyOf(), CHECKS_BEFORE_TABLE);
    const late = keyOf();
    ask(keys, late, 2 * CHECKS_BEFORE_TABLE);
    assert.deepEqual([keys.tableCount, addon.asked], [KEY_TABLES_MAX, 0]);
    ask(keys, spoilt(late), 1, false);
    ask(keys, late, CHECKS_IN_PERIOD); // ends the period in which all spoke, and begins one in which one speaks
    assert.equal(keys.tableCount, KEY_TABLES_MAX);
    ask(keys, late, CHECKS_IN_PERIOD);
    assert.deepEqual([keys.tableCount, addon.tables], [1, KEY_TABLES_MAX + 1]);
    assert.ok(addon.asked > 0);
  });

  it('answers as node:crypto does where memory is short', () => {
    const addon: P256Addon = {
      createTable: () => {
        throw new RangeError('no memory');
      },
      verify: () => assert.fail('there is no table'),
    };
    ask(new FrequentKeys(addon, unexpected), keyOf(), 3 * CHECKS_BEFORE_TABLE);
  });

  it('answers as node:crypto does with the addon of native/', { skip: missingP256Addon() }, () => {
    const keys = new FrequentKeys(loadP256Addon(), unexpected);
    const signer = softwareSigner(generatePkcs8('P-256'));
    for (let i = 0; i < 40; i++) {
      const one = keyOf(signer);
      ask(keys, one, 1);
      ask(keys, spoilt(one), 1, false);
    }
    const { key } = keyOf(signer);
    for (let i = 0; i < 300; i++) {
      const signature = signer.signSync(DATA);
      assert.equal(keys.check(key, 'ES256', DATA, signature), true);
      assert.equal(keys.check(key, 'ES256', utf8(`${i}`), signature), false);
    }
    assert.equal(keys.tableCount, 1);
  });
});
