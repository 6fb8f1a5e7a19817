import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fromHex, toBase64, utf8 } from '../../src/base/bytes.ts';
import { encodePem } from '../../src/codec/pem.ts';
import { p256Spki } from '../../src/crypto/keys/p256-key.ts';
import { SIGNED_PIECES_MAX } from '../../src/message/request/chunk-signatures.ts';
import { sigV4aPublicPoint } from '../../src/message/request/signing-key.ts';
import { verifyChunkFile } from '../../src/daemon/chunk-file.ts';
import { chainmail, type ToldError } from '../support/processes/chainmail.ts';
import { missingVectors, readVectors, vectorsFolder } from '../support/vectors.ts';

const folder = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ACCESS_KEY = { accessKeyId: 'CMAKEXAMPLE', secretAccessKey: '-a+secret/with-odd=characters' };
const PLAIN = 'POST /v1/revoke HTTP/1.1\r\nHost: ca.test\r\n\r\n{"node_id":"n7"}';
const NOW = ['--now', '2026-05-06T07:08:09Z'];

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function scopeOf(algorithm: string, region = 'depot'): readonly string[] {
  const scope = ['--algorithm', algorithm, '--region', region, '--service', 'chainmail'];
  return [...scope, '--access-key-id', ACCESS_KEY.accessKeyId];
}

const SECRET = ['--secret', ACCESS_KEY.secretAccessKey];

async function sign(algorithm: string, options: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await chainmail([
    'request',
    'sign',
    ...scopeOf(algorithm, algorithm === 'sigv4a' ? 'other,dep*' : 'depot'),
    ...SECRET,
    ...NOW,
    ...options,
    file('plain.http', PLAIN),
  ]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function verify(text: string, ...options: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await chainmail([
    'request',
    'verify',
    ...options,
    '--json',
    file('signed.http', text),
  ]);
  if (code === 2) return `usage: ${stderr}`;
  const answer = JSON.parse(stdout) as { readonly ok: true } | ToldError;
  assert.equal(code, answer.ok ? 0 : 1);
  return answer.ok ? 'ok' : answer.error.code;
}

describe('chainmail request', () => {
  it('signs and verifies, with the secret or the public key', async () => {
    const secretFile = file('secret', `${ACCESS_KEY.secretAccessKey}\n`);
    const publicKey = file('key.pem', encodePem('PUBLIC KEY', p256Spki(sigV4aPublicPoint(ACCESS_KEY))));
    for (const algorithm of ['sigv4', 'sigv4a'])
      for (const form of [[], ['--query-life', '1h']]) {
        const signed = await sign(algorithm, form);
        assert.match(signed, form.length === 0 ? /\r\nAuthorization:AWS4-/ : /&X-Amz-Signature=/);
        assert.equal(await verify(signed, ...scopeOf(algorithm), '--secret-file', secretFile, ...NOW), 'ok');
        if (algorithm === 'sigv4a')
          assert.equal(await verify(signed, ...scopeOf(algorithm), '--public-key', publicKey, ...NOW), 'ok');
      }
  });

  it('says of a request that does not hold why, by its code', async () => {
    const signed = await sign('sigv4a');
    const told = (text: string, ...options: readonly string[]) =>
      verify(text, ...scopeOf('sigv4a'), ...SECRET, ...NOW, ...options);
    assert.equal(await told(signed.replace('n7', 'n8')), 'ERR_REQUEST_SIGNATURE');
    assert.equal(await told(signed, '--access-key-id', 'OTHER'), 'ERR_REQUEST_SIGNATURE');
    assert.equal(await told(signed, '--now', '20260506T072309Z'), 'ok');
    assert.equal(await told(signed, '--now', '20260506T072310Z'), 'ERR_REQUEST_SKEW');
    assert.equal(await told(signed, '--now', '20260506T072309Z', '--max-skew', '5m'), 'ERR_REQUEST_SKEW');
    assert.equal(await told(signed, '--max-skew', '0s'), 'ok');
    assert.equal(await told(signed, '--now', '20260506T070810Z', '--max-skew', '0s'), 'ERR_REQUEST_SKEW');
    assert.equal(await told(signed, '--now', '20260506T070808Z', '--max-skew', '0s'), 'ERR_REQUEST_SKEW');
    const inQuery = await sign('sigv4a', ['--query-life', '1m']);
    assert.equal(await told(inQuery, '--now', '2026-05-06T07:09:09Z'), 'ERR_REQUEST_EXPIRED');
    assert.equal(await told(signed, '--service', 's3'), 'ERR_REQUEST_SCOPE');
    assert.equal(await told(signed, '--region', 'garage'), 'ERR_REQUEST_REGION');
    assert.equal(await told(signed.replace('\r\n\r\n', '\r\nX-Amz-Acl: a\r\n\r\n')), 'ERR_REQUEST_UNSIGNED_HEADER');
    assert.equal(
      await told(signed.replace(/x-amz-content-sha256:[0-9a-f]+/, 'x-amz-content-sha256:UNSIGNED-PAYLOAD')),
      'ERR_REQUEST_UNSIGNED_PAYLOAD',
    );
    assert.equal(
      await told(signed.replace('\r\n\r\n', '\r\nX-Amz-Date: 20260506T070809Z\r\n\r\n')),
      'ERR_REQUEST_DUPLICATE_PARAMETER',
    );
    assert.equal(await told(PLAIN), 'ERR_REQUEST_MALFORMED');
    assert.equal(await told(''), 'ERR_REQUEST_MALFORMED');
  });

  it('explains what it signed', async () => {
    const explained = JSON.parse(await sign('sigv4', ['--explain', '--json'])) as Record<string, string>;
    assert.deepEqual(Object.keys(explained), ['canonical_request', 'string_to_sign', 'signed_request']);
    assert.match(explained['canonical_request'] ?? '', /^POST\n\/v1\/revoke\n\nhost:ca\.test\n/);
    assert.match(
      explained['string_to_sign'] ?? '',
      /^AWS4-HMAC-SHA256\n20260506T070809Z\n20260506\/depot\/chainmail\//,
    );
    assert.equal(explained['signed_request'], await sign('sigv4'));
    assert.match(await sign('sigv4', ['--explain']), /^canonical request:\nPOST\n/);
  });

  it('adds a session token, signed or afterwards', async () => {
    const after = await sign('sigv4', ['--unsigned-session-token', 'abc']);
    const before = await sign('sigv4', ['--session-token', 'abc']);
    assert.equal(await verify(after, ...scopeOf('sigv4'), ...SECRET, ...NOW), 'ok');
    assert.equal(await verify(before, ...scopeOf('sigv4'), ...SECRET, ...NOW), 'ok');
    const changed = (text: string) => text.replace('Token:abc', 'Token:abd');
    assert.equal(await verify(changed(after), ...scopeOf('sigv4'), ...SECRET, ...NOW), 'ok');
    assert.equal(await verify(changed(before), ...scopeOf('sigv4'), ...SECRET, ...NOW), 'ERR_REQUEST_SIGNATURE');
  });

  it('derives the documented key', async () => {
    const { stdout } = await chainmail([
      'request',
      'derive-key',
      '--access-key-id',
      'AKISORANDOMAASORANDOM',
      '--secret',
      'q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom',
      '--json',
    ]);
    const { private_key, public_key } = JSON.parse(stdout) as Record<string, string>;
    assert.equal(private_key, '7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd');
    assert.match(public_key ?? '', /^04[0-9a-f]{128}$/);
  });

  it('takes no command line that leaves open what is meant', async () => {
    const signed = await sign('sigv4');
    for (const options of [
      [...scopeOf('sigv4'), '--public-key', file('k', 'x')],
      [...scopeOf('sigv4')],
      [...scopeOf('sigv4'), ...SECRET, '--secret-file', file('s', 'x')],
      [...scopeOf('sigv4'), '--secret-file', file('e', '\n')],
      [...scopeOf('sigv5'), ...SECRET],
      [...scopeOf('sigv4'), ...SECRET, '--now', 'noon'],
      [...scopeOf('sigv4'), ...SECRET, '--now', '2026-05-06T07:08:09'],
      [...scopeOf('sigv4'), ...SECRET, '--now', '2026-02-30T07:08:09Z'],
      [...scopeOf('sigv4'), ...SECRET, '--normalize-path', 'maybe'],
    ])
      assert.match(await verify(signed, ...options), /^usage: /, options.join(' '));
    const key = ['--private-key', file('key', 'x')];
    for (const options of [
      [...scopeOf('sigv4'), ...key],
      [...scopeOf('sigv4a'), ...key, ...SECRET],
      [...scopeOf('sigv4'), ...SECRET, '--session-token', 'a', '--unsigned-session-token', 'b'],
      [...scopeOf('sigv4'), ...SECRET, '--query-life', '8d'],
    ])
      assert.equal((await chainmail(['request', 'sign', ...options, file('p', PLAIN)])).code, 2, options.join(' '));
  });
});

const SUITE = 'sigv4/v4a/get-vanilla';

describe('chainmail request on a case of AWS', { skip: missingVectors(SUITE) }, () => {
  it('verifies it with the public key of its file', async () => {
    const { X, Y } = readVectors<{ X: string; Y: string }>(`${SUITE}/public-key.json`);
    const publicKey = file('aws.pem', encodePem('PUBLIC KEY', p256Spki(fromHex(`04${X}${Y}`))));
    for (const form of ['header', 'query']) {
      const path = join(vectorsFolder(SUITE), `${form}-signed-request.txt`);
      const words =
        'request verify --algorithm sigv4a --access-key-id AKIDEXAMPLE --region us-east-1 --service service';
      const now = '2015-08-30T12:36:00Z';
      const { stdout } = await chainmail([
        ...words.split(' '),
        '--public-key',
        publicKey,
        '--now',
        now,
        '--json',
        path,
      ]);
      assert.deepEqual(JSON.parse(stdout), { ok: true });
    }
  });
});

interface Chunked {
  readonly chunked: {
    readonly secretAccessKey: string;
    readonly region: string;
    readonly service: string;
    readonly timestamp: string;
    readonly seedSignature: string;
    readonly chunks: readonly { readonly repeat: string; readonly n: number; readonly signature: string }[];
    readonly trailer: { readonly canonical: string; readonly signature: string };
  };
}

describe('chainmail request chain verify', { skip: missingVectors('sigv4/chunked.json') }, () => {
  const { chunked } =
    missingVectors('sigv4/chunked.json') === false ? readVectors<Chunked>('sigv4/chunked.json') : ({} as Chunked);

  function chainOf(isGiven: boolean) {
    const { timestamp } = chunked;
    const chunks = chunked.chunks.map(({ repeat, n, signature }) => ({
      kind: 'chunk',
      timestamp,
      payload: toBase64(utf8(repeat.repeat(n))),
      ...(isGiven ? { signature } : {}),
    }));
    return {
      algorithm: 'sigv4',
      secret: chunked.secretAccessKey,
      date: timestamp.slice(0, 8),
      region: chunked.region,
      service: chunked.service,
      prior_signature: chunked.seedSignature,
      items: [...chunks, { kind: 'trailer', timestamp, trailer: chunked.trailer.canonical }] as Record<
        string,
        string
      >[],
    };
  }

  const run = (chain: unknown) =>
    chainmail(['request', 'chain', 'verify', '--json', file('chain.json', JSON.stringify(chain))]);

  it('gives the signatures of AWS, or checks those that are there', async () => {
    for (const isGiven of [false, true]) {
      const { code, stdout } = await run(chainOf(isGiven));
      assert.equal(code, 0, stdout);
      assert.deepEqual(JSON.parse(stdout), {
        ok: true,
        signatures: [...chunked.chunks.map(({ signature }) => signature), chunked.trailer.signature],
        complete: true,
      });
    }
  });

  it('names the piece that does not hold', async () => {
    const chain = chainOf(true);
    const { code, stdout } = await run({ ...chain, items: [chain.items[1], chain.items[0]] });
    assert.equal(code, 1);
    const { error } = JSON.parse(stdout) as ToldError;
    assert.deepEqual([error.code, error.message.split(':')[0]], ['ERR_REQUEST_SIGNATURE', 'item 0']);
  });

  it('says that a chain without its end is not complete', async () => {
    const chain = chainOf(true);
    const { complete } = await verifyChunkFile(utf8(JSON.stringify({ ...chain, items: chain.items.slice(0, 2) })));
    assert.equal(complete, false);
  });

  it('refuses what is no chain', async () => {
    const chain = chainOf(true);
    const [first] = chain.items as [Record<string, string>];
    for (const wrong of [
      '',
      '[]',
      { ...chain, secret: undefined },
      { ...chain, region: undefined },
      { ...chain, algorithm: 'sigv4a' },
      { ...chain, algorithm: 'sigv4a', access_key_id: 'a', items: [{ ...first, signature: undefined }] },
      { ...chain, prior_signature: 'x' },
      { ...chain, items: [{ ...first, payload: '!' }] },
      { ...chain, items: [{ ...first, kind: 'piece' }] },
      { ...chain, items: [{ ...first, timestamp: 'now' }] },
      { ...chain, items: [{ ...first, signature: 'xyz' }] },
      { ...chain, items: Array.from({ length: SIGNED_PIECES_MAX + 1 }, () => ({ ...first, payload: 'AA==' })) },
    ])
      await assert.rejects(
        verifyChunkFile(utf8(typeof wrong === 'string' ? wrong : JSON.stringify(wrong))),
        { code: 'ERR_REQUEST_MALFORMED' },
        JSON.stringify(wrong).slice(-200),
      );
  });

  it('follows SigV4A by the public key', async () => {
    const pem = encodePem('PUBLIC KEY', p256Spki(sigV4aPublicPoint(ACCESS_KEY)));
    const chain = { ...chainOf(true), algorithm: 'sigv4a', public_key: pem };
    await assert.rejects(verifyChunkFile(utf8(JSON.stringify(chain))), { code: 'ERR_REQUEST_SIGNATURE' });
    const empty = { ...chain, items: [] };
    assert.deepEqual(await verifyChunkFile(utf8(JSON.stringify(empty))), { signatures: [], complete: false });
  });
});
