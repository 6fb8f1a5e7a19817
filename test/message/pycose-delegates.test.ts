import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { HARDENED } from '../../src/identity/key-tree/derivation-path.ts';
import { formatXprv } from '../../src/identity/key-tree/extended-key-text.ts';
import { parseTreeStatement } from '../../src/identity/delegate/statement.ts';
import { type DelegateFixture, MESH, MeshFixture } from '../support/mesh/mesh-fixture.ts';
import { pythonWith } from '../support/foreign/programs.ts';

const python = pythonWith('pycose', 'cbor2', 'ecdsa', 'cryptography');

/**
 * Reads a statement and a message with pycose, and derives the keys below an extended one by itself (BIP-32). pycose 1.1
 * does not know the numbers -47 (RFC 8812) and -19 (RFC 9864); it is told them, and does the rest.
 */
const READER = `
import hashlib, hmac, json, sys
import cbor2
from ecdsa import SECP256k1, VerifyingKey
from pycose.algorithms import CoseAlgorithm, EdDSA, Es256
from pycose.headers import Algorithm
from pycose.keys import EC2Key, OKPKey
from pycose.keys.curves import Ed25519, P256, SECP256K1
from pycose.messages import Sign1Message

@CoseAlgorithm.register_attribute()
class Es256k(Es256):
    identifier = -47
    fullname = "ES256K"

    @classmethod
    def get_curve(cls):
        return SECP256k1

@CoseAlgorithm.register_attribute()
class FullEd25519(EdDSA):
    identifier = -19
    fullname = "ED25519_FULL"

def uncompressed(point, curve):
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]

def cose_key(curve, key):
    from cryptography.hazmat.primitives.asymmetric import ec
    if curve == 6:
        return OKPKey(crv=Ed25519, x=key)
    point = uncompressed(key, ec.SECP256R1() if curve == 1 else ec.SECP256K1())
    return EC2Key(crv=P256 if curve == 1 else SECP256K1, x=point[:32], y=point[32:])

def child(key, chain_code, index):
    left = hmac.new(chain_code, key + index.to_bytes(4, "big"), hashlib.sha512).digest()[:32]
    parent = VerifyingKey.from_string(key, curve=SECP256k1).pubkey.point
    point = SECP256k1.generator * int.from_bytes(left, "big") + parent
    return bytes([2 + point.y() % 2]) + point.x().to_bytes(32, "big")

def verified(data, aad, curve, key):
    parsed = Sign1Message.decode(data)
    parsed.key = cose_key(curve, key)
    parsed.external_aad = aad
    return parsed, bool(parsed.verify_signature())

given = {name: bytes.fromhex(value) for name, value in json.load(sys.stdin).items()}
mesh = given["mesh"].decode()
message = Sign1Message.decode(given["message"])
inline = message.phdr["delegate"]
statement = given["statement"]
first = Sign1Message.decode(statement)
id, (epoch, index), node, key, scope, begins, ends = cbor2.loads(first.payload)
branch_child = child(given["branch_key"], given["branch_chain_code"], index)
_, holds = verified(statement, cbor2.dumps(["chainmail delegate v1", mesh]), 8, branch_child)
claims = message.phdr[15]
incarnation = int.from_bytes(claims[7][:8], "big")
signer = key[1] if len(key) == 2 else child(key[1], key[2], incarnation % 2**31)
_, said = verified(given["message"], cbor2.dumps(["chainmail message v1", mesh]), key[0], signer)
print(json.dumps({
    "delegate": "inline" if inline == statement else "hash" if inline == hashlib.sha256(statement).digest() else "?",
    "x5t": 34 in message.phdr,
    "algorithm": message.phdr[Algorithm].identifier,
    "statement_headers": [first.phdr[Algorithm].identifier, len(first.phdr), len(first.uhdr)],
    "statement_holds": holds, "message_holds": said,
    "id": id.hex(), "epoch": epoch, "index": index, "node": node, "curve": key[0], "members": len(key), "scope": scope,
    "begins": begins, "ends": ends, "origin": claims[1],
}))
`;

describe('pycose reads what delegates sign', { skip: python.skip }, () => {
  let fixture: MeshFixture;
  before(async () => {
    fixture = await MeshFixture.create('pycose', 'ann');
  });

  function read({ statement }: DelegateFixture, message: Uint8Array): Record<string, unknown> {
    const { branches } = fixture.authority.delegations ?? { branches: [] };
    const [branch] = branches;
    assert.ok(branch !== undefined);
    const given = {
      mesh: new TextEncoder().encode(MESH),
      message,
      statement,
      branch_key: branch.key.publicKey,
      branch_chain_code: branch.key.chainCode,
    };
    const input = JSON.stringify(Object.fromEntries(Object.entries(given).map(([name, part]) => [name, part.toHex()])));
    const run = spawnSync(python.path ?? '', ['-c', READER], { input, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return JSON.parse(run.stdout) as Record<string, unknown>;
  }

  /** What pycose has to find, said by us. */
  function expected({ statement }: DelegateFixture, algorithm: number, curve: number, members: number): object {
    const { id, epoch, index, nodeId, scope, notBefore, notAfter } = parseTreeStatement(MESH, statement);
    return {
      delegate: 'inline',
      x5t: false,
      algorithm,
      statement_headers: [-47, 1, 0],
      statement_holds: true,
      message_holds: true,
      id,
      epoch,
      index,
      node: nodeId,
      curve,
      members,
      scope,
      begins: notBefore / 1_000,
      ends: notAfter / 1_000,
      origin: nodeId,
    };
  }

  for (const [curve, algorithm, number] of [
    ['P-256', -7, 1],
    ['Ed25519', -19, 6],
    ['secp256k1', -47, 8],
  ] as const)
    it(`with a key of ${curve}: the statement, its hash, and no change of a bit`, async () => {
      await fixture.publish();
      const delegate = fixture.delegate('ann', { curve });
      const all = expected(delegate, algorithm, number, 2);
      assert.deepEqual(read(delegate, fixture.delegated(delegate).bytes), all);
      const byHash = fixture.delegated(delegate, { counter: 1, byHash: true });
      assert.deepEqual(read(delegate, byHash.bytes), { ...all, delegate: 'hash' });
      const forged = fixture.delegated(delegate, { counter: 2, forged: true });
      assert.deepEqual(read(delegate, forged.bytes), { ...all, message_holds: false });
      const changed = delegate.statement.slice();
      changed[changed.length - 70] = (changed[changed.length - 70] as number) ^ 1; // of its end
      const told = read({ ...delegate, statement: changed }, fixture.delegated(delegate).bytes);
      assert.deepEqual([told['statement_holds'], told['delegate']], [false, '?']);
    });

  it('with the children of a subtree, each worked out from the statement and the incarnation alone', async () => {
    await fixture.publish();
    using subtree = fixture.authority.tree.below(1, HARDENED + 9);
    const delegate = fixture.delegate('ann', { keyFile: formatXprv(subtree) });
    const all = expected(delegate, -47, 8, 3);
    for (const incarnation of [1_800_000_000, HARDENED + 1])
      assert.deepEqual(read(delegate, fixture.delegated(delegate, { incarnation }).bytes), all);
  });
});
