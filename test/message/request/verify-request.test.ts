import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concatBytes, fromHex, toHex, utf8 } from '../../../src/base/bytes.ts';
import { after, HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs } from '../../../src/base/time.ts';
import { ecdsaDerToRaw, p256RawToDer } from '../../../src/crypto/curve/ecdsa-signature.ts';
import { negateScalar } from '../../../src/crypto/curve/scalar.ts';
import type { RequestAlgorithm } from '../../../src/message/request/algorithm.ts';
import { QUERY_PARAMETERS_MAX } from '../../../src/message/request/canonical-request.ts';
import { ACCESS_KEY_ID_CHARS_MAX } from '../../../src/message/request/credential-scope.ts';
import { HEADER_LINES_MAX, type HttpRequest } from '../../../src/message/request/http-request.ts';
import { REGION_SET_CHARS_MAX } from '../../../src/message/request/region-set.ts';
import {
  QUERY_LIFE_SEC_MAX,
  readSignedRequest,
  SIGNATURE_CHARS_MAX,
} from '../../../src/message/request/signed-request.ts';
import { SKEW_MS_DEFAULT } from '../../../src/message/request/verify-request.ts';
import { ACCESS_KEY, adding, AT, PLAIN, SIGNERS, signed, verify, withHeader, withoutHeader } from './made-request.ts';

const ALGORITHMS: readonly RequestAlgorithm[] = ['sigv4', 'sigv4a'];

const PLAIN_SIGNED: Readonly<Record<RequestAlgorithm, HttpRequest>> = {
  sigv4: await signed('sigv4'),
  sigv4a: await signed('sigv4a'),
};

function assertCode(code: string, run: () => unknown, message?: string): void {
  assert.throws(run, { code: `ERR_REQUEST_${code}` }, message);
}

const withTarget = (request: HttpRequest, change: (target: string) => string): HttpRequest => ({
  ...request,
  target: change(request.target),
});

for (const algorithm of ALGORITHMS)
  describe(`the verifier of ${algorithm}`, () => {
    it('takes what was signed, in both forms, and knows a replay whatever its signature', async () => {
      for (const queryLifeSec of [undefined, 60]) {
        const first = await signed(algorithm, { queryLifeSec });
        const again = await signed(algorithm, { queryLifeSec });
        assert.match(verify(first, algorithm), /^[0-9a-f]{64}$/);
        assert.equal(verify(first, algorithm), verify(again, algorithm));
        const other = adding(PLAIN, 'x-chainmail-nonce', '1');
        assert.notEqual(verify(await signed(algorithm, { queryLifeSec }, other), algorithm), verify(first, algorithm));
      }
    });

    it('refuses another method, path, query, header or body', async () => {
      const request = await signed(algorithm);
      for (const [what, changed] of Object.entries<HttpRequest>({
        method: { ...request, method: 'PUT' },
        path: withTarget(request, (target) => target.replace('revoke', 'nodes')),
        query: withTarget(request, (target) => `${target}&b=2`),
        parameter: withTarget(request, (target) => target.replace('a=1', 'a=2')),
        host: withHeader(request, 'host', () => 'other.example'),
        type: withHeader(request, 'content-type', () => 'text/plain'),
        removed: withoutHeader(request, 'content-type'),
        cut: withHeader(request, 'authorization', (value) => value.slice(0, -1)),
        longer: withHeader(request, 'authorization', (value) => `${value}00`),
        body: { ...request, body: utf8('{"node_id":"n8"}') },
        'body without its hash': { ...withHeader(request, 'x-amz-content-sha256', () => 'ab'.repeat(32)) },
        'more body': { ...request, body: utf8('{"node_id":"n7"}\n') },
        date: withHeader(request, 'x-amz-date', (date) => date.replace('T070809Z', 'T070810Z')),
      }))
        assertCode('SIGNATURE', () => verify(changed, algorithm), what);
      const query = await signed(algorithm, { queryLifeSec: 60 });
      assertCode('SIGNATURE', () => verify({ ...query, body: utf8('{}') }, algorithm));
      assertCode('SIGNATURE', () =>
        verify(
          withTarget(query, (target) => target.replace('Expires=60', 'Expires=61')),
          algorithm,
        ),
      );
    });

    it('keeps the window: as far as it, and no second further', async () => {
      const request = await signed(algorithm);
      for (const sign of [-1, 1]) {
        verify(request, algorithm, { now: after(AT, sign * SKEW_MS_DEFAULT) });
        assertCode('SKEW', () => verify(request, algorithm, { now: after(AT, sign * (SKEW_MS_DEFAULT + SECOND_MS)) }));
      }
      assertCode('SKEW', () => verify(request, algorithm, { now: after(AT, 2 * MINUTE_MS), skewMs: MINUTE_MS }));
    });

    it('gives a request in the query the life that it says, and no more than the verifier lets it', async () => {
      const request = await signed(algorithm, { queryLifeSec: 3_600 });
      verify(request, algorithm, { now: after(AT, HOUR_MS - 1) });
      assertCode('EXPIRED', () => verify(request, algorithm, { now: after(AT, HOUR_MS) }));
      assertCode('EXPIRED', () => verify(request, algorithm, { now: after(AT, MINUTE_MS), queryLifeMsMax: MINUTE_MS }));
      assertCode('SKEW', () => verify(request, algorithm, { now: after(AT, -HOUR_MS) }));
      assertCode('SKEW', () => verify(request, algorithm, { now: 5_000 as UnixMs })); // a clock that shows 1970
      for (const expires of ['0', '-1', '1.5', '', 'x', String(QUERY_LIFE_SEC_MAX + 1)])
        assertCode('MALFORMED', () =>
          verify(
            withTarget(request, (target) => target.replace('Expires=3600', `Expires=${expires}`)),
            algorithm,
          ),
        );
    });

    it('holds the scope to the date and the service', async () => {
      const request = await signed(algorithm);
      const scoped = (from: string, to: string) =>
        withHeader(request, 'authorization', (value) => value.replace(from, to));
      assertCode('SCOPE', () => verify(scoped('/20260506/', '/20260505/'), algorithm));
      assertCode('SCOPE', () => verify(scoped('/chainmail/', '/other/'), algorithm));
      assertCode('SCOPE', () => verify(scoped('aws4_request', 'aws3_request'), algorithm));
      assertCode('SCOPE', () => verify(request, algorithm, { service: 'other' }));
      const tomorrow = withHeader(request, 'x-amz-date', (date) => date.replace('20260506', '20260507'));
      assertCode('SCOPE', () => verify(tomorrow, algorithm, { now: after(AT, 24 * HOUR_MS) }));
    });

    it('is of one region', async () => {
      assertCode('REGION', () => verify(PLAIN_SIGNED[algorithm], algorithm, { region: 'other' }));
      const elsewhere = await signed(algorithm, { region: 'other' });
      assertCode('REGION', () => verify(elsewhere, algorithm));
      const moved =
        algorithm === 'sigv4'
          ? withHeader(elsewhere, 'authorization', (value) => value.replace('/other/', '/depot/'))
          : withHeader(elsewhere, 'x-amz-region-set', () => 'depot');
      assertCode('SIGNATURE', () => verify(moved, algorithm));
    });

    it('asks for the signature of what it reads, and of every x-amz- header but the token', async () => {
      const request = await signed(algorithm);
      const unsigned = (name: string) =>
        withHeader(request, 'authorization', (value) =>
          value.replace(/SignedHeaders=[^,]*/, (list) =>
            list
              .replace('SignedHeaders=', '')
              .split(';')
              .filter((one) => one !== name)
              .join(';')
              .replace(/^/, 'SignedHeaders='),
          ),
        );
      const needed = [
        'host',
        'x-amz-date',
        'x-amz-content-sha256',
        ...(algorithm === 'sigv4a' ? ['x-amz-region-set'] : []),
      ];
      for (const name of needed) assertCode('UNSIGNED_HEADER', () => verify(unsigned(name), algorithm), name);
      assertCode('SIGNATURE', () => verify(unsigned('content-type'), algorithm));
      for (const name of ['X-Amz-Meta', 'x-amz-target', 'X-Chainmail-Nonce'])
        assertCode('UNSIGNED_HEADER', () => verify(adding(request, name, '1'), algorithm), name);
      verify(adding(request, 'X-Amz-Security-Token', 'abc'), algorithm);
      verify(adding(request, 'Via', 'proxy'), algorithm);
      const query = await signed(algorithm, { queryLifeSec: 60 });
      assertCode('UNSIGNED_HEADER', () => verify(adding(query, 'x-amz-acl', 'public'), algorithm));
      verify(
        withTarget(query, (target) => `${target}&X-Amz-Security-Token=abc`),
        algorithm,
      );
    });

    it('refuses a body that nothing speaks for', async () => {
      for (const said of [
        'UNSIGNED-PAYLOAD',
        'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      ]) {
        const request = withHeader(PLAIN_SIGNED[algorithm], 'x-amz-content-sha256', () => said);
        assertCode('UNSIGNED_PAYLOAD', () => verify(request, algorithm), said);
      }
      const odd = withHeader(PLAIN_SIGNED[algorithm], 'x-amz-content-sha256', () => 'unsigned');
      assertCode('MALFORMED', () => verify(odd, algorithm));
      const unsignedInQuery = await signed(algorithm, { queryLifeSec: 60 });
      assertCode('UNSIGNED_PAYLOAD', () =>
        verify(
          withTarget(unsignedInQuery, (t) => `${t}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD`),
          algorithm,
        ),
      );
    });

    it('refuses what is said twice', async () => {
      const request = PLAIN_SIGNED[algorithm];
      for (const name of [
        'Host',
        'X-Amz-Date',
        'x-amz-region-set',
        'X-AMZ-Content-SHA256',
        'authorization',
        'x-chainmail-nonce',
      ]) {
        const once = request.headers.some((header) => header.name.toLowerCase() === name.toLowerCase())
          ? request
          : adding(request, name, 'a');
        assertCode('DUPLICATE_PARAMETER', () => verify(adding(once, name, 'a'), algorithm), name);
      }
      const again = (field: string) => withHeader(request, 'authorization', (value) => `${value}, ${field}`);
      for (const field of ['Signature=ab', 'Credential=a/b', 'SignedHeaders=host'])
        assertCode('DUPLICATE_PARAMETER', () => verify(again(field), algorithm), field);
      assertCode('DUPLICATE_PARAMETER', () =>
        verify(
          withHeader(request, 'authorization', (value) => value.replace('host;', 'host;host;')),
          algorithm,
        ),
      );
      const query = await signed(algorithm, { queryLifeSec: 60 });
      const names = ['Algorithm', 'Credential', 'Date', 'SignedHeaders', 'Expires', 'Signature'];
      for (const name of [...names, ...names.map((one) => one.toLowerCase())])
        assertCode(
          'DUPLICATE_PARAMETER',
          () =>
            verify(
              withTarget(query, (t) => `${t}&X-Amz-${name}=1`),
              algorithm,
            ),
          name,
        );
      for (const name of ['x-amz-date', 'x-amz-region-set']) {
        const unsigned = adding(query, name, '20260506T070809Z');
        assertCode('UNSIGNED_HEADER', () => verify(unsigned, algorithm), name);
        const naming = withTarget(unsigned, (t) => t.replace(/SignedHeaders=[^&]*/, `$&%3B${name}`));
        assertCode('DUPLICATE_PARAMETER', () => verify(naming, algorithm), name);
      }
      const token = await signed(algorithm, { queryLifeSec: 60, sessionToken: { value: 'mine', isSigned: true } });
      assertCode('DUPLICATE_PARAMETER', () => verify(adding(token, 'x-amz-security-token', 'another'), algorithm));
      const hashed = withTarget(query, (t) => `${t}&X-Amz-Content-Sha256=${'0'.repeat(64)}`);
      const twice = withTarget(adding(hashed, 'x-amz-content-sha256', '0'.repeat(64)), (t) =>
        t.replace(/SignedHeaders=[^&]*/, '$&%3Bx-amz-content-sha256'),
      );
      assertCode('DUPLICATE_PARAMETER', () => verify(twice, algorithm));
      const both = { ...query, headers: request.headers };
      assertCode('DUPLICATE_PARAMETER', () => verify(both, algorithm));
    });

    it('says what it cannot read', () => {
      const request = PLAIN_SIGNED[algorithm];
      const spoilt = (change: (value: string) => string) => withHeader(request, 'authorization', change);
      for (const changed of [
        PLAIN,
        spoilt((value) => value.replace('AWS4-', 'AWS5-')),
        spoilt((value) => value.replace('-SHA256', '-SHA512')),
        spoilt((value) => value.replace(/, Signature=.*/, '')),
        spoilt((value) => `${value}, Other=1`),
        spoilt((value) => value.replace(/Signature=.*/, 'Signature=')),
        spoilt((value) => value.replace(/Signature=.*/, 'Signature=zz')),
        spoilt((value) => value.toUpperCase()),
        spoilt((value) => `${value}${'0'.repeat(SIGNATURE_CHARS_MAX)}`),
        spoilt((value) => value.replace('Credential=', 'Credential=x/')),
        spoilt((value) => value.replace('Credential=AKIDEXAMPLE', 'Credential=')),
        spoilt((value) =>
          value.replace('Credential=AKIDEXAMPLE', `Credential=${'A'.repeat(ACCESS_KEY_ID_CHARS_MAX + 1)}`),
        ),
        spoilt((value) => value.replace('/20260506/', '/2026056/')),
        spoilt((value) => value.replace('content-type;host', 'host;content-type')),
        spoilt((value) => value.replace('content-type;host', 'Content-Type;host')),
        spoilt((value) => value.replace('content-type;host', 'content-type;;host')),
        withoutHeader(request, 'x-amz-date'),
        withHeader(request, 'x-amz-date', () => '20260230T070809Z'),
        withHeader(request, 'x-amz-date', () => '2026-05-06T07:08:09Z'),
        withHeader(request, 'x-amz-date', () => ''),
        withTarget(request, (target) => `${target}&b=%zz`),
        withTarget(request, (target) => `${target}&b=%`),
      ])
        assertCode('MALFORMED', () => verify(changed, algorithm), JSON.stringify(changed.headers));
    });

    it('has its limits', () => {
      const request = PLAIN_SIGNED[algorithm];
      const names = Array.from({ length: HEADER_LINES_MAX + 1 }, (_, i) => `a${String(i).padStart(4, '0')}`);
      const many = withHeader(request, 'authorization', (value) =>
        value.replace(/SignedHeaders=[^,]*/, `SignedHeaders=${names.join(';')}`),
      );
      assertCode('MALFORMED', () => verify(many, algorithm));
      const query = Array.from({ length: QUERY_PARAMETERS_MAX + 1 }, (_, i) => `p${i}=1`).join('&');
      assertCode('MALFORMED', () => verify({ ...request, target: `/?${query}` }, algorithm));
      if (algorithm === 'sigv4') return;
      const long = withHeader(request, 'x-amz-region-set', () => 'a'.repeat(REGION_SET_CHARS_MAX + 1));
      assertCode('MALFORMED', () => verify(long, algorithm));
      assertCode('MALFORMED', () =>
        verify(
          withHeader(request, 'x-amz-region-set', () => 'depot,,x'),
          algorithm,
        ),
      );
    });
  });

describe('the signature of SigV4A', () => {
  const signatureOf = (request: HttpRequest): string => readSignedRequest(request).signature;
  const withSignature = (request: HttpRequest, signature: string): HttpRequest =>
    withHeader(request, 'authorization', (value) => value.replace(/Signature=.*/, `Signature=${signature}`));

  it('may have either half of s, as those of AWS do', async () => {
    const request = await signed('sigv4a');
    const raw = ecdsaDerToRaw(fromHex(signatureOf(request)));
    const twin = concatBytes(raw.subarray(0, 32), negateScalar('P-256', raw.subarray(32)));
    const mirrored = withSignature(request, toHex(p256RawToDer(twin)));
    assert.notEqual(signatureOf(mirrored), signatureOf(request));
    assert.equal(verify(mirrored, 'sigv4a'), verify(request, 'sigv4a'), 'one replay, two signatures');
  });

  it('has one DER form', async () => {
    const request = await signed('sigv4a');
    const der = fromHex(signatureOf(request));
    const raw = ecdsaDerToRaw(der);
    const padded = Uint8Array.of(0x30, 0, 0x02, 33, 0, ...raw.subarray(0, 32), 0x02, 33, 0, ...raw.subarray(32));
    padded[1] = padded.length - 2;
    const wrong: Record<string, Uint8Array> = {
      'r ‖ s': raw,
      'a byte too many': Uint8Array.of(...der, 0),
      'a byte too few': der.subarray(0, -1),
      'a long length': Uint8Array.of(0x30, 0x81, ...der.subarray(1)),
      'an indefinite length': Uint8Array.of(0x30, 0x80, ...der.subarray(2), 0, 0),
      'two zero numbers': fromHex('3006020100020100'),
      'a hash': fromHex('ab'.repeat(32)),
      ...((raw[0] as number) < 0x80 || (raw[32] as number) < 0x80 ? { 'zeros in front': padded } : {}),
    };
    for (const [what, signature] of Object.entries(wrong))
      assertCode('SIGNATURE', () => verify(withSignature(request, toHex(signature)), 'sigv4a'), what);
  });

  it('is not that of another algorithm', () => {
    assertCode('SIGNATURE', () => verify(PLAIN_SIGNED.sigv4, 'sigv4a'));
    assertCode('SIGNATURE', () => verify(PLAIN_SIGNED.sigv4a, 'sigv4'));
  });
});

describe('the signer', () => {
  it('refuses what it would have to write itself', async () => {
    for (const name of [
      'Authorization',
      'X-Amz-Date',
      'x-amz-content-sha256',
      'X-AMZ-REGION-SET',
      'x-amz-security-token',
    ])
      await assert.rejects(signed('sigv4', {}, adding(PLAIN, name, 'a')), { code: 'ERR_REQUEST_DUPLICATE_PARAMETER' });
    for (const name of [
      'Algorithm',
      'Credential',
      'Date',
      'SignedHeaders',
      'Expires',
      'Signature',
      'Security-Token',
      'Region-Set',
    ])
      await assert.rejects(signed('sigv4', {}, { ...PLAIN, target: `/?X-Amz-${name}=1` }), {
        code: 'ERR_REQUEST_DUPLICATE_PARAMETER',
      });
  });

  it('writes nothing that begins another header or another part of the scope', async () => {
    const key = { ...ACCESS_KEY, accessKeyId: 'A/B' };
    for (const wish of [
      { region: 'a\r\nX: y' },
      { service: 'a/b' },
      { region: '' },
      { signer: { ...SIGNERS.sigv4, ...key } },
      { sessionToken: { value: 'a b', isSigned: true } },
    ])
      await assert.rejects(signed('sigv4', wish), { code: 'ERR_REQUEST_MALFORMED' });
    await assert.rejects(signed('sigv4', {}, withoutHeader(PLAIN, 'host')), { code: 'ERR_REQUEST_MALFORMED' });
  });

  it('leaves out what changes on the way', async () => {
    const request = adding(adding(PLAIN, 'User-Agent', 'x'), 'Connection', 'close');
    const made = await signed('sigv4', {}, request);
    assert.deepEqual(readSignedRequest(made).signedHeaders, [
      'content-type',
      'host',
      'x-amz-content-sha256',
      'x-amz-date',
    ]);
    verify(
      withHeader(made, 'user-agent', () => 'y'),
      'sigv4',
    );
  });
});
