import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { type Bytes, utf8 } from '../../src/base/bytes.ts';
import { decodeSign1, encodeSign1 } from '../../src/cose/sign1.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { BATCH_MESSAGES_MAX } from '../../src/message/batch.ts';
import type { Message } from '../../src/message/message.ts';
import { parseMessage } from '../../src/message/message-reader.ts';
import { PublicKey } from '../../src/crypto/keys/public-key.ts';
import { MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { pythonWith } from '../support/foreign/programs.ts';

const python = pythonWith('cbor2', 'cryptography');

/** Another implementation of the path and of what is signed, from spec 03 section 10; prints whether it holds. */
const VERIFIER = `
import sys, hashlib, cbor2
from cryptography.hazmat.primitives.serialization import load_der_public_key
message, mesh, spki = sys.stdin.read().split()
protected, unprotected, payload, signature = cbor2.loads(bytes.fromhex(message)).value
size, index, path = unprotected['batch']
H = lambda b: hashlib.sha256(b).digest()
node = H(b'\\0' + cbor2.dumps(['Signature1', protected, cbor2.dumps(['chainmail message v1', mesh]), payload]))
at, last = index, size - 1
for i in range(0, len(path), 32):
    sibling = path[i:i + 32]
    if at & 1 or at == last:
        node = H(b'\\1' + sibling + node)
        while not at & 1 and at:
            at >>= 1
            last >>= 1
    else:
        node = H(b'\\1' + node + sibling)
    at >>= 1
    last >>= 1
assert last == 0
signed = cbor2.dumps(['Signature1', b'', cbor2.dumps(['chainmail batch v1', mesh]), node])
load_der_public_key(bytes.fromhex(spki)).verify(signature, signed)
print('holds')
`;

describe('batch of messages', () => {
  let fixture: MeshFixture;
  let key: PublicKey;
  before(async () => {
    fixture = await MeshFixture.create('fixture', 'ann', 'eve');
    key = PublicKey.fromSpki(fixture.member('ann').signer.spki);
  });
  const batch = (count: number): readonly Message[] =>
    fixture.batch(
      'ann',
      Array.from({ length: count }, (_, counter) => ({ counter })),
    );
  const holds = ({ algorithm, signedBytes, signature }: Message): boolean =>
    key.verify(algorithm, signedBytes, signature);
  const reread = (message: Message, change: Partial<ReturnType<typeof decodeSign1>>): Message =>
    parseMessage(MESH, encodeSign1({ ...decodeSign1(message.bytes, 20_000), ...change }));

  it('is read from its bytes as it was made, and keeps the identity of each message', () => {
    for (const count of [2, 3, 7, BATCH_MESSAGES_MAX])
      for (const [counter, message] of batch(count).entries()) {
        const parsed = parseMessage(MESH, message.bytes);
        assert.ok(holds(parsed));
        assert.equal(parsed.batchKey, message.batchKey);
        assert.equal(parsed.contentKey, fixture.message('ann', { counter }).contentKey);
      }
  });

  it('holds for no other content, path, mesh or key', () => {
    const [first, second] = batch(5) as [Message, Message];
    const { path } = decodeSign1(second.bytes, 20_000);
    assert.ok(!holds(reread(first, { path })));
    assert.ok(!holds(reread(first, { path: undefined })));
    assert.ok(!holds(reread(first, { payload: utf8('{"kind":"hash","value":"ab","risk":1}') })));
    const elsewhere = parseMessage(parseMeshName('elsewhere'), first.bytes);
    assert.ok(!holds(elsewhere));
    const eve = PublicKey.fromSpki(fixture.member('eve').signer.spki);
    assert.ok(!eve.verify(first.algorithm, first.signedBytes, first.signature));
  });

  it('is malformed with a batch of one, a place beyond it, a path of another length, or another header', () => {
    const [message] = batch(6) as [Message];
    const { path } = decodeSign1(message.bytes, 20_000);
    assert.ok(path !== undefined);
    for (const wrong of [
      { ...path, treeSize: 1, leafIndex: 0, siblings: new Uint8Array(0) },
      { ...path, leafIndex: 6 },
      { ...path, treeSize: BATCH_MESSAGES_MAX + 1 },
      { ...path, siblings: path.siblings.subarray(32) },
      { ...path, siblings: new Uint8Array(7 * 32) },
    ])
      assert.throws(() => reread(message, { path: wrong }), { code: 'ERR_MESSAGE_MALFORMED' }, JSON.stringify(wrong));
    const hex = message.bytes.toHex();
    const label = `65${utf8('batch').toHex()}`;
    assert.ok(hex.includes(label));
    for (const other of [`65${utf8('path_').toHex()}`, '1822', '63626174'])
      assert.throws(() => parseMessage(MESH, Uint8Array.fromHex(hex.replace(label, other))), {
        code: 'ERR_MESSAGE_MALFORMED',
      });
  });

  it('is verified by another implementation', { skip: python.skip }, () => {
    const { signer } = fixture.member('ann');
    assert.equal(signer.algorithm, 'Ed25519');
    const check = (bytes: Bytes): string => {
      const input = `${bytes.toHex()}\n${MESH}\n${signer.spki.toHex()}\n`;
      const run = spawnSync(python.path ?? '', ['-c', VERIFIER], { input, encoding: 'utf8' });
      return run.stdout.trim();
    };
    for (const message of [...batch(5), batch(BATCH_MESSAGES_MAX)[37] as Message])
      assert.equal(check(message.bytes), 'holds');
    const changed = (batch(5)[2] as Message).bytes.slice();
    const last = changed.length - 1;
    changed[last] = (changed[last] as number) ^ 1;
    assert.equal(check(changed), '');
  });
});
