import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTokenUri, TOKEN_URI_CHARACTERS_MAX } from '../../../../src/host/signer/token/token-uri.ts';

const LIBRARY = 'module-path=/usr/lib/p11.so';

describe('pkcs11: URI', () => {
  it('names the token, the keys, the library and the file of the PIN, percent-encoded or not', () => {
    assert.deepEqual(
      parseTokenUri(`pkcs11:token=field%20kit;object=ring;type=private?${LIBRARY}&pin-source=file:/run/pin`),
      { modulePath: '/usr/lib/p11.so', token: 'field kit', serial: undefined, object: 'ring', pinFile: '/run/pin' },
    );
    assert.equal(parseTokenUri(`pkcs11:serial=8224;?${LIBRARY}`.replace(';?', '?')).serial, '8224');
    for (const source of ['/run/pin', 'file:/run/pin', 'file:///run/pin'])
      assert.equal(parseTokenUri(`pkcs11:?${LIBRARY}&pin-source=${source}`).pinFile, '/run/pin');
  });

  it('is refused with a PIN in it, without a library, with what is unknown, twice or malformed', () => {
    assert.throws(
      () => parseTokenUri(`pkcs11:token=a?${LIBRARY}&pin-value=1234`),
      (error: Error) => {
        assert.match(error.message, /pin-value/);
        assert.ok(!error.message.includes('1234'));
        return true;
      },
    );
    for (const uri of [
      'pkcs11:token=a',
      'pkcs11:token=a?module-path=p11.so',
      `pkcs11:token=a;token=b?${LIBRARY}`,
      `pkcs11:tokn=a?${LIBRARY}`,
      `pkcs11:token?${LIBRARY}`,
      `pkcs11:type=public?${LIBRARY}`,
      `pkcs11:token=%zz?${LIBRARY}`,
      `pkcs11:token=a?${LIBRARY}?${LIBRARY}`,
      `pkcs11:token=${'a'.repeat(TOKEN_URI_CHARACTERS_MAX)}?${LIBRARY}`,
    ])
      assert.throws(() => parseTokenUri(uri), { code: 'ERR_USAGE' }, uri.slice(0, 80));
  });
});
