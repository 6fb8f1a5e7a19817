import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { judgeWycheproof } from '../../../../src/daemon/verify/suites/wycheproof/judge.ts';
import { missingVectors, readVectors, vectorsFolder } from '../../../support/vectors.ts';

interface File {
  readonly testGroups: readonly {
    readonly tests: readonly { readonly tcId: number; readonly result: string; readonly flags?: readonly string[] }[];
  }[];
}

/** Nothing of these files can be done with `node:crypto`, and nothing of this program needs it. */
const SKIPPED_WHOLE: ReadonlySet<string> = new Set(['aes_gcm_siv_test.json', 'xchacha20_poly1305_test.json']);

/** How `acceptable` cases are answered, by their flags: docs/VERIFY.md says the same in prose. */
const ACCEPTED_FLAGS: ReadonlySet<string> = new Set(['Twist', 'NonCanonicalPublic', 'SpecialPublicKey', 'Ktv']);
const REFUSED_FLAGS: ReadonlySet<string> = new Set(['ZeroSharedSecret', 'LowOrderPublic']);

const missing = missingVectors('wycheproof');
const files =
  missing === false ? readdirSync(vectorsFolder('wycheproof')).filter((name) => name.endsWith('.json')) : [];

describe('every file of Wycheproof at hand (T11)', { skip: missing }, () => {
  for (const name of files)
    it(name, () => {
      const file = readVectors<File>(`wycheproof/${name}`);
      const expected = new Map(file.testGroups.flatMap(({ tests }) => tests.map((test) => [test.tcId, test])));
      const results = [...judgeWycheproof(file)];
      assert.equal(results.length, expected.size);
      let skipped = 0;
      for (const { id, actual_result, context } of results) {
        const { result, flags = [] } = expected.get(id) ?? assert.fail(`no case ${id}`);
        if (actual_result === 'SKIPPED') {
          skipped++;
          assert.notEqual(context, '');
        } else if (result !== 'acceptable') assert.equal(actual_result, result, `case ${id}: ${context}`);
        else if (flags.some((flag) => REFUSED_FLAGS.has(flag))) assert.equal(actual_result, 'invalid', `case ${id}`);
        else if (name.startsWith('x25519')) {
          assert.ok(flags.length === 0 || flags.some((flag) => ACCEPTED_FLAGS.has(flag) || flag.startsWith('Edge')));
          assert.equal(actual_result, 'valid', `case ${id}`);
        } else assert.equal(actual_result, 'invalid', `case ${id}: ${context}`);
      }
      // Three cases of AES-GCM have nonces longer than OpenSSL takes.
      const skippedMax = SKIPPED_WHOLE.has(name) ? results.length : name === 'aes_gcm_test.json' ? 3 : 0;
      assert.equal(skipped, skippedMax);
    });
});

describe('a file in the format of Wycheproof', () => {
  it('skips what nothing here does, and says so', () => {
    const [result] = judgeWycheproof({ testGroups: [{ type: 'PrimalityTest', tests: [{ tcId: 7 }] }] });
    assert.deepEqual({ ...result, context: '' }, { id: 7, actual_result: 'SKIPPED', context: '' });
    assert.match(result?.context ?? '', /PrimalityTest/);
  });

  it('answers every malformed case, whatever is missing in it', () => {
    const types = [
      'EcdsaVerify',
      'EcdsaBitcoinVerify',
      'EcdsaP1363Verify',
      'EddsaVerify',
      'RsassaPssVerify',
      'MacTest',
    ];
    types.push('RsassaPkcs1Verify', 'AeadTest', 'KeywrapTest', 'HkdfTest', 'PbkdfTest', 'EcdhTest', 'XdhAsnComp');
    const groups = types.flatMap((type) => [
      { type, tests: [{}] },
      { type, sha: 'SHA-256', curve: 'secp256r1', keySize: 256, tests: [{ sig: 'zz', key: 5, private: '00' }] },
    ]);
    for (const algorithm of [undefined, 'AES-GCM', 'AES-WRAP', 'HMACSHA256', 'HKDF-SHA-256', 'PBKDF2-HMACSHA256'])
      for (const { actual_result } of judgeWycheproof({ algorithm, testGroups: groups }))
        assert.notEqual(actual_result, 'valid', String(algorithm));
    assert.deepEqual([...judgeWycheproof({ testGroups: 5 })], []);
  });

  it('takes the high half of s for secp256k1 where River does, and not for Bitcoin (T11)', { skip: missing }, () => {
    const file = readVectors<File>('wycheproof/ecdsa_secp256k1_sha256_test.json');
    const asBitcoin = file.testGroups.map((group) => ({ ...group, type: 'EcdsaBitcoinVerify' }));
    const both = [...judgeWycheproof(file)].filter(({ actual_result }) => actual_result === 'valid').length;
    const low = [...judgeWycheproof({ testGroups: asBitcoin })].filter(
      ({ actual_result }) => actual_result === 'valid',
    );
    assert.ok(low.length > 0 && low.length < both);
  });
});
