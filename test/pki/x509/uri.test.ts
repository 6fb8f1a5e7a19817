import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostOfUri, isUri } from '../../../src/pki/x509/name/uri.ts';
import { HOSTILE_URIS } from '../path/path-cases/hostile-uris.ts';

describe('the host of a URI (RFC 3986 section 3.2)', () => {
  for (const text of HOSTILE_URIS)
    it(`${JSON.stringify(text)} is none and has no host`, () => {
      assert.equal(isUri(text), false);
      assert.equal(hostOfUri(text), undefined);
    });

  for (const [text, host] of [
    ['HTTPS://User:P%40ss@Good.Example:443/a?b#c', 'good.example'],
    ['ldap://good.example', 'good.example'],
    ['http://good.example?@evil.example/', 'good.example'],
    ['spiffe://fleet/node/n1', 'fleet'],
    ['http://evil.example@good.example/', 'good.example'],
    ['http://192.0.2.1/', undefined],
    ['http://[2001:db8::1]:80/', undefined],
    ['http://g%6fod.example/', undefined],
    ['http:///good.example/', undefined],
    ['http:good.example', undefined],
    ['urn:uuid:1', undefined],
  ] as const)
    it(`${text}: ${host ?? 'none'}`, () => {
      assert.equal(isUri(text), true);
      assert.equal(hostOfUri(text), host);
    });
});
