import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, type UnixMs } from '../../../src/base/time.ts';
import { CborWriter } from '../../../src/codec/cbor-writer.ts';
import { encodeSign1 } from '../../../src/cose/sign1.ts';
import { addScalarToPoint } from '../../../src/crypto/curve/curve-point.ts';
import { addScalars, negateScalar } from '../../../src/crypto/curve/scalar.ts';
import { signSecp256k1Sha256 } from '../../../src/crypto/secp256k1/sign.ts';
import { CHAIN_CODE_BYTES } from '../../../src/identity/delegate/delegate-key.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import { parseTreeStatement } from '../../../src/identity/delegate/statement.ts';
import { DelegateKeys, subtreeIndexOf, subtreeKeyOf } from '../../../src/identity/delegate/subtree.ts';
import { ckdPriv, ckdPub } from '../../../src/identity/key-tree/child-key.ts';
import { HARDENED } from '../../../src/identity/key-tree/derivation-path.ts';
import type { ExtendedPrivateKey, ExtendedPublicKey } from '../../../src/identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub } from '../../../src/identity/key-tree/extended-key-text.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { publicKeyOf } from '../../../src/identity/key-tree/tree-curve.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { SimulatedTree } from '../../../src/sim/members/simulated-tree.ts';

const MESH = parseMeshName('depot');
const NOW = Date.UTC(2027, 0, 15) as UnixMs;
const tree = new SimulatedTree(MESH, 'subtree');
const subtree = tree.below(1, HARDENED + 3);
const DATA = utf8('21.5');
const key = subtreeKeyOf(formatXpub(subtree.public));

describe('the key of a subtree', () => {
  it('is the public half of a hardened one, or of a master key', () => {
    assert.deepEqual(key, {
      curve: 'secp256k1',
      bytes: subtree.public.publicKey,
      chainCode: subtree.public.chainCode,
    });
    assert.throws(() => subtreeKeyOf(formatXprv(subtree)), { code: 'ERR_DELEGATE_KEY' });
    assert.throws(() => subtreeKeyOf(formatXpub(tree.below(1, 3).public)), { code: 'ERR_DELEGATE_KEY' });
    assert.throws(() => subtreeKeyOf(`${formatXpub(subtree.public).slice(0, -1)}1`), { code: 'ERR_KEY_CHECKSUM' });
    // The master key of BIP-32's first vector.
    const master =
      'xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8';
    assert.equal(subtreeKeyOf(master).chainCode?.length, CHAIN_CODE_BYTES);
  });

  it('stands in a statement with its chain code, and on no other curve', () => {
    const wish = {
      nodeId: parseNodeId('a'.repeat(52)),
      scope: scopeOf(['publish:sensor/temperature']),
      notBefore: NOW,
      notAfter: (NOW + DAY_MS) as UnixMs,
    };
    const bytes = tree.statement({ ...wish, key });
    assert.ok(bytes.length < 290, `${bytes.length} bytes`);
    assert.deepEqual(parseTreeStatement(MESH, bytes).key, key);
    const p256 = { curve: 'P-256', bytes: key.bytes, chainCode: key.chainCode } as const;
    assert.throws(() => parseTreeStatement(MESH, tree.statement({ ...wish, key: p256 })), { code: 'ERR_DELEGATE_KEY' });
    for (const members of [[], [8], [8, 33, 31], [8, 33, 33], [8, 33, 32, 1]])
      assert.throws(
        () => parseTreeStatement(MESH, withKeyOf(members)),
        { code: 'ERR_DELEGATE_MALFORMED' },
        members.join(),
      );
  });

  it('has children that sign, each for the streams of one start', () => {
    const keys = new DelegateKeys(key);
    for (const incarnation of [0, 1, 1_800_000_000, HARDENED + 9, Number.MAX_SAFE_INTEGER]) {
      const index = subtreeIndexOf(incarnation);
      using child = ckdPriv(subtree, index);
      const signer = keys.of(incarnation);
      const signature = signSecp256k1Sha256(child.privateKey, DATA);
      assert.equal(signer.verify('ES256K', DATA, signature), true, `${incarnation}`);
      assert.equal(keys.of(incarnation), signer, 'worked out once while the stream goes on');
    }
    assert.equal(subtreeIndexOf(HARDENED + 9), 9);
    const single = new DelegateKeys({ curve: 'secp256k1', bytes: key.bytes });
    assert.equal(single.of(1), single.of(2));
    assert.throws(() => new DelegateKeys({ curve: 'secp256k1', bytes: new Uint8Array(33), chainCode: key.chainCode }), {
      code: 'ERR_DELEGATE_KEY',
    });
  });

  // T1: what is on the device and what everybody knows, in one hand.
  it('does not give the branch away, as a child that is not hardened does', () => {
    const branch = tree.branch(1, NOW, NOW).key;
    using naive = tree.below(1, 3);
    /** What an attacker takes for the branch's private key, who has the branch's public key. */
    const guess = (stolen: ExtendedPrivateKey, parent: ExtendedPublicKey, index: number): string =>
      stolen.privateKey.use((bytes) => {
        const parentKey = addScalars('secp256k1', bytes, negateScalar('secp256k1', leftHalfOf(parent, index)));
        return toHex(publicKeyOf('secp256k1', parentKey));
      });
    assert.equal(guess(naive, branch, 3), toHex(branch.publicKey), 'the naive scheme: the branch is the attacker’s');
    assert.notEqual(guess(subtree, branch, 3), toHex(branch.publicKey));
    assert.throws(
      () => leftHalfOf(branch, HARDENED + 3),
      { code: 'ERR_KEY_HARDENED' },
      'and only its owner has the other',
    );
    // Its own children, were one of them lost, give the subtree away, and that is the device's alone.
    using child = ckdPriv(subtree, 1);
    assert.equal(guess(child, subtree.public, 1), toHex(subtree.public.publicKey));
  });
});

/** The left half of the HMAC of a child that is not hardened, as anybody with the public half works it out. */
function leftHalfOf(parent: ExtendedPublicKey, index: number): Uint8Array {
  let left: Uint8Array | undefined;
  ckdPub(parent, index, (curve, point, scalar) => {
    left = scalar.slice();
    return addScalarToPoint(curve, point, scalar);
  });
  return left as Uint8Array;
}

/** A statement whose key has these members: the curve, then byte strings of these lengths. */
function withKeyOf([curve, ...lengths]: readonly number[]): Uint8Array {
  const writer = new CborWriter().array(7).bytes(Uint8Array.fromHex('5000000000000001')).array(2).uint(1).uint(7);
  writer.text('gate-7').array(curve === undefined ? 0 : 1 + lengths.length);
  if (curve !== undefined) writer.uint(curve);
  for (const length of lengths) writer.bytes(new Uint8Array(length).fill(2));
  const payload = writer
    .array(1)
    .text('relay')
    .uint(NOW / 1_000)
    .uint((NOW + DAY_MS) / 1_000)
    .finish();
  const protectedBytes = new CborWriter().map(1).uint(1).int(-47).finish();
  return encodeSign1({ protectedBytes, payload, signature: new Uint8Array(64).fill(1) });
}
