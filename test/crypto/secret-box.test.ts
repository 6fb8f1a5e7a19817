import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { utf8 } from '../../src/base/bytes.ts';
import { secretsEqual, sha256, sha256Concat } from '../../src/crypto/hash.ts';
import { Secret } from '../../src/crypto/secret.ts';
import {
  LOG2N_MAX,
  LOG2N_MIN,
  P_MAX,
  R_MAX,
  type RandomBytes,
  SECRET_BOX_BYTES_MAX,
  SecretBox,
} from '../../src/crypto/symmetric/secret-box.ts';

const random: RandomBytes = { bytes: (length) => new Uint8Array(randomBytes(length)) };
const passphrase = new Secret(utf8('correct horse'));
const content = new Secret(utf8('private key'));
const made = await SecretBox.create(passphrase, random);
const sealed = made.seal('identity', content);

const textOf = (secret: Secret) => secret.use((bytes) => new TextDecoder().decode(bytes));

describe('SecretBox', () => {
  it('opens with the passphrase, from the box alone', async () => {
    const again = await SecretBox.forBox(passphrase, sealed, random);
    assert.equal(textOf(again.open('identity', sealed)), 'private key');
    assert.equal(textOf(again.open('empty', again.seal('empty', new Secret(new Uint8Array(0))))), '');
  });

  it('never seals alike twice', () => {
    assert.notDeepEqual(made.seal('identity', content), sealed);
  });

  it('refuses another passphrase, another name and every changed byte', async () => {
    const wrong = await SecretBox.forBox(new Secret(utf8('correct house')), sealed, random);
    assert.throws(() => wrong.open('identity', sealed), { code: 'ERR_PASSPHRASE_WRONG' });
    assert.throws(() => made.open('issuer', sealed), { code: 'ERR_PASSPHRASE_WRONG' });
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] as number) ^ 1;
      assert.throws(() => made.open('identity', changed), { name: 'MeshError' }, `byte ${at}`);
    }
  });

  it('refuses what is no box, and costs that would stop the process', async () => {
    const costing = (log2N: number, r: number, p: number): Uint8Array => {
      const box = sealed.slice();
      box.set([log2N, r, p], 5);
      return box;
    };
    for (const box of [costing(LOG2N_MAX, R_MAX, P_MAX), costing(LOG2N_MIN, 1, 1)])
      assert.equal(made.fits(box), false, 'it may be a box, and another');
    const dear = [costing(LOG2N_MAX + 1, R_MAX, 1), costing(LOG2N_MIN, R_MAX + 1, 1), costing(LOG2N_MIN, 1, P_MAX + 1)];
    const cheap = [costing(LOG2N_MIN - 1, R_MAX, 1), costing(LOG2N_MIN, 0, 1), costing(LOG2N_MIN, 1, 0)];
    for (const box of [new Uint8Array(0), sealed.subarray(0, 51), utf8('x'.repeat(100)), ...dear, ...cheap])
      await assert.rejects(SecretBox.forBox(passphrase, box, random), { code: 'ERR_STATE_CORRUPT' });
    const large = new Uint8Array(sealed.length + SECRET_BOX_BYTES_MAX + 1);
    large.set(sealed);
    assert.throws(() => made.open('identity', large), { code: 'ERR_STATE_CORRUPT' });
    assert.throws(() => made.seal('x', new Secret(new Uint8Array(SECRET_BOX_BYTES_MAX + 1))), RangeError);
  });
});

describe('Secret', () => {
  it('does not show itself', () => {
    const secret = new Secret(utf8('hunter2'));
    for (const text of [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ ...secret })])
      assert.ok(!text.includes('hunter2') && !text.includes('104'), text);
  });

  it('is wiped, and shares no memory with what it was made from, not even a Buffer', () => {
    const original = Buffer.from('hunter2');
    const secret = new Secret(original);
    original.fill(0);
    assert.equal(textOf(secret), 'hunter2');
    secret[Symbol.dispose]();
    assert.equal(textOf(secret), '\0'.repeat(7));
  });
});

describe('hashes', () => {
  it('are SHA-256, over one or several parts (FIPS 180-4)', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    assert.equal(sha256(utf8('abc')).toHex(), abc);
    assert.equal(sha256Concat(utf8('a'), utf8(''), utf8('bc')).toHex(), abc);
    assert.equal(Object.getPrototypeOf(sha256(utf8('abc'))), Uint8Array.prototype);
  });

  it('compare in constant time, and take no other length', () => {
    assert.equal(secretsEqual(utf8('abc'), utf8('abc')), true);
    assert.equal(secretsEqual(utf8('abc'), utf8('abd')), false);
    assert.equal(secretsEqual(utf8('abc'), utf8('ab')), false);
  });
});
