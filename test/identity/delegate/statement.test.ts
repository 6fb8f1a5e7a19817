import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY_MS, SECOND_MS, UNIX_SECONDS_MAX, type UnixMs } from '../../../src/base/time.ts';
import { CborWriter } from '../../../src/codec/cbor-writer.ts';
import { decodeSign1, encodeSign1 } from '../../../src/cose/sign1.ts';
import { negateScalar } from '../../../src/crypto/curve/scalar.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { uncompressPoint } from '../../../src/crypto/curve/curve-point.ts';
import { branchPath, EPOCH_MAX } from '../../../src/identity/delegate/branch.ts';
import { DELEGATE_KEY_BYTES_MAX, type DelegateKey } from '../../../src/identity/delegate/delegate-key.ts';
import { isSignedByBranch, judgeStatement, NO_DELEGATIONS } from '../../../src/identity/delegate/delegations.ts';
import {
  isScopeWithin,
  parseScope,
  permits,
  SCOPE_ENTRIES_MAX,
  scopeOf,
} from '../../../src/identity/delegate/scope.ts';
import {
  composeStatement,
  DELEGATE_LIFE_MS_MAX,
  parseTreeStatement,
  STATEMENT_BYTES_MAX,
  STATEMENT_BYTES_MIN,
  type StatementFields,
} from '../../../src/identity/delegate/statement.ts';
import { formatPath } from '../../../src/identity/key-tree/derivation-path.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { encodeWalletStatement, parseStatement } from '../../../src/message/delegate-statement.ts';
import { parseComposed } from '../../../src/message/message.ts';
import { signWalletDelegate } from '../../../src/message/river/wallet-delegate.ts';
import { walletOf } from '../../../src/message/river/wallet.ts';
import { SimulatedTree } from '../../../src/sim/members/simulated-tree.ts';

const MESH = parseMeshName('depot');
const NOW = Date.UTC(2027, 0, 15) as UnixMs;
const KEY: DelegateKey = {
  curve: 'P-256',
  bytes: Uint8Array.fromHex('036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
};
/** A node id of the usual length, 52 characters. */
const NODE = parseNodeId('a'.repeat(52));

function fields(wish: Partial<StatementFields> = {}): StatementFields {
  return {
    id: '5000000000000001',
    epoch: 1,
    index: 7,
    nodeId: NODE,
    key: KEY,
    scope: scopeOf(['publish:sensor/temperature']),
    notBefore: NOW,
    notAfter: (NOW + DAY_MS) as UnixMs,
    ...wish,
  };
}

const tree = new SimulatedTree(MESH, 'statement');
const statement = (wish: Partial<StatementFields> = {}): Uint8Array => tree.statement(fields(wish));
const branch = tree.branch(1, NOW, (NOW + 365 * DAY_MS) as UnixMs);
const published = { ...NO_DELEGATIONS, branches: [branch] };

describe('delegate statements (S0.09, T10)', () => {
  it('say what was signed, in under 250 bytes for one entry of a scope', () => {
    const bytes = statement();
    assert.ok(bytes.length < 250, `${bytes.length} bytes`);
    const read = parseTreeStatement(MESH, bytes);
    const { tag: _, toBeSigned: __, signature: ___, bytes: ____, ...told } = read;
    assert.deepEqual(told, { ...fields(), id: read.id });
    assert.equal(isSignedByBranch(read, branch), true, 'with the branch’s public key alone');
  });

  it('mean nothing in another mesh', () => {
    const elsewhere = parseTreeStatement(parseMeshName('other'), statement());
    assert.equal(isSignedByBranch(elsewhere, branch), false);
  });

  it('hold under one index, one branch and one signature', () => {
    const read = parseTreeStatement(MESH, statement());
    assert.equal(isSignedByBranch({ ...read, index: 8 }, branch), false);
    assert.equal(isSignedByBranch(read, tree.branch(2, NOW, branch.notAfter)), false);
    const twin = read.signature.slice();
    twin.set(negateScalar('secp256k1', twin.subarray(32)), 32);
    assert.equal(
      isSignedByBranch({ ...read, signature: twin }, branch),
      false,
      'the high s of the same signature (T11)',
    );
  });

  it('come from branches that are hardened and apart for each mesh and epoch', () => {
    assert.match(formatPath(branchPath(MESH, 1)), /^m\/4409421'\/\d+'\/1'$/);
    assert.notDeepEqual(branchPath(MESH, 1), branchPath(parseMeshName('depot2'), 1));
    assert.notDeepEqual(tree.branch(1, NOW, NOW).key.publicKey, tree.branch(2, NOW, NOW).key.publicKey);
  });

  const lives: readonly (readonly [string, number, number])[] = [
    ['that ends when it begins', NOW, NOW],
    ['that ends before it begins', NOW, NOW - SECOND_MS],
    ['of more than the longest life', NOW, NOW + DELEGATE_LIFE_MS_MAX + SECOND_MS],
  ];
  for (const [name, notBefore, notAfter] of lives)
    it(`are refused with a life ${name}`, () => {
      const wish = { notBefore: notBefore as UnixMs, notAfter: notAfter as UnixMs };
      assert.throws(() => composeStatement(MESH, fields(wish)), { code: 'ERR_DELEGATE_LIFETIME' });
      assert.throws(() => parseTreeStatement(MESH, payloadOf(wish)), { code: 'ERR_DELEGATE_LIFETIME' });
    });

  it('may live for the longest life', () => {
    const bytes = statement({ notAfter: (NOW + DELEGATE_LIFE_MS_MAX) as UnixMs });
    assert.equal(parseTreeStatement(MESH, bytes).notAfter, NOW + DELEGATE_LIFE_MS_MAX);
  });

  const malformed: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', new Uint8Array(0), 'ERR_DELEGATE_MALFORMED'],
    ['a byte behind it', Uint8Array.of(...statement(), 0), 'ERR_DELEGATE_MALFORMED'],
    ['a byte too few', statement().subarray(0, -1), 'ERR_DELEGATE_MALFORMED'],
    [
      'another algorithm',
      edited(statement(), [0x44, 0xa1, 0x01, 0x38, 0x2e], [0x44, 0xa1, 0x01, 0x38, 0x2d]),
      'ERR_DELEGATE_MALFORMED',
    ],
    ['an id that begins with 0', payloadOf({ id: '0500000000000001' }), 'ERR_DELEGATE_MALFORMED'],
    ['an epoch beyond a path', payloadOf({ epoch: EPOCH_MAX + 1 }), 'ERR_DELEGATE_MALFORMED'],
    ['a reserved node id', payloadOf({ nodeId: 'authority' as never }), 'ERR_DELEGATE_MALFORMED'],
    ['no scope', payloadOf({ scope: [] }), 'ERR_DELEGATE_SCOPE'],
    ['a scope out of order', payloadOf({ scope: ['relay', 'command:issue'] as never }), 'ERR_DELEGATE_SCOPE'],
    ['a scope that says one thing twice', payloadOf({ scope: ['relay', 'relay'] as never }), 'ERR_DELEGATE_SCOPE'],
    ['a scope that is no capability', payloadOf({ scope: ['Publish'] as never }), 'ERR_DELEGATE_SCOPE'],
    ['an unknown curve', payloadOf({ key: { curve: 'P-384' as never, bytes: KEY.bytes } }), 'ERR_DELEGATE_KEY'],
    [
      'a key that is too long',
      payloadOf({ key: { curve: 'P-256', bytes: new Uint8Array(DELEGATE_KEY_BYTES_MAX + 1).fill(2) } }),
      'ERR_DELEGATE_MALFORMED',
    ],
    [
      'an end beyond the year 9999',
      payloadOf({ notAfter: ((UNIX_SECONDS_MAX + 1) * 1_000) as UnixMs }),
      'ERR_DELEGATE_MALFORMED',
    ],
    ['a number in more bytes than it needs', longer(payloadOf({})), 'ERR_DELEGATE_MALFORMED'],
    ['more bytes than any', new Uint8Array(STATEMENT_BYTES_MAX + 1), 'ERR_DELEGATE_MALFORMED'],
  ];
  for (const [name, bytes, code] of malformed)
    it(`are refused with ${name}`, () => {
      assert.throws(() => parseTreeStatement(MESH, bytes), { code });
    });

  it('with a scope that is too long in all are not made', () => {
    const long = scopeOf(Array.from({ length: SCOPE_ENTRIES_MAX }, (_, i) => `publish:sensor/${'x'.repeat(60)}${i}`));
    assert.throws(() => composeStatement(MESH, fields({ scope: long })), { code: 'ERR_DELEGATE_SCOPE' });
  });
});

describe('the header of a delegate’s message', () => {
  const header = (delegate: Uint8Array): Uint8Array => {
    const writer = new CborWriter().map(5).uint(1).int(-47).uint(3).text('text/plain').uint(15).map(4);
    writer.uint(1).text('n1').uint(4).uint(20).uint(6).uint(10).uint(7).bytes(new Uint8Array(16));
    return writer.text('type').text('sensor/a').text('delegate').bytes(delegate).finish();
  };
  const read = (length: number): boolean | undefined => {
    const { delegate } = parseComposed(MESH, header(new Uint8Array(length)), new Uint8Array(1));
    return delegate === undefined ? undefined : delegate.statement !== undefined;
  };

  it('has a statement or its hash, and nothing of another length', () => {
    assert.equal(read(32), false);
    assert.equal(read(STATEMENT_BYTES_MIN), true);
    assert.equal(read(STATEMENT_BYTES_MAX), true);
    for (const length of [0, 31, 33, STATEMENT_BYTES_MIN - 1, STATEMENT_BYTES_MAX + 1])
      assert.throws(() => read(length), { code: 'ERR_MESSAGE_MALFORMED' }, `${length}`);
  });

  it('names no certificate beside it, and ES256K is no certificate’s', () => {
    const both = header(new Uint8Array(32));
    both[0] = 0xa6;
    assert.throws(() => parseComposed(MESH, both, new Uint8Array(1)), { code: 'ERR_MESSAGE_MALFORMED' });
    const writer = new CborWriter().map(5).uint(1).int(-47).uint(3).text('text/plain').uint(15).map(4);
    writer.uint(1).text('n1').uint(4).uint(20).uint(6).uint(10).uint(7).bytes(new Uint8Array(16));
    const certified = writer
      .uint(34)
      .array(2)
      .int(-16)
      .bytes(new Uint8Array(32))
      .text('type')
      .text('sensor/a')
      .finish();
    assert.throws(() => parseComposed(MESH, certified, new Uint8Array(1)), /ES256K|delegates/);
  });
});

describe('what a statement is worth', () => {
  const judged = (at: number, wish: Partial<StatementFields> = {}, delegations = published): string => {
    const judgement = judgeStatement(parseTreeStatement(MESH, statement(wish)), delegations, at as UnixMs);
    return judgement.tag === 'ok' ? 'ok' : judgement.error.code;
  };

  it('depends on its time: equal to the end is over', () => {
    assert.equal(judged(NOW), 'ok');
    assert.equal(judged(NOW + DAY_MS - SECOND_MS), 'ok');
    assert.equal(judged(NOW + DAY_MS), 'ERR_DELEGATE_EXPIRED');
    assert.equal(judged(NOW - SECOND_MS), 'ERR_DELEGATE_NOT_YET_VALID');
    assert.equal(judged(5_000), 'ERR_DELEGATE_NOT_YET_VALID', 'a clock at 1970');
  });

  it('depends on its epoch and branch', () => {
    assert.equal(judged(NOW, { epoch: 2 }), 'ERR_DELEGATE_BRANCH');
    assert.equal(judged(NOW, {}, { ...published, epochFloor: 1 }), 'ok');
    assert.equal(judged(NOW, {}, { ...published, epochFloor: 2 }), 'ERR_DELEGATE_EPOCH');
    const short = { ...branch, notAfter: (NOW + SECOND_MS) as UnixMs };
    assert.equal(judged(NOW, {}, { ...published, branches: [short] }), 'ERR_DELEGATE_BRANCH', 'outlives its branch');
  });

  it('is nothing where it permits more than its branch', () => {
    const narrow = { ...branch, scope: scopeOf(['publish:sensor/humidity']) };
    assert.equal(judged(NOW, {}, { ...published, branches: [narrow] }), 'ERR_DELEGATE_SCOPE');
  });
});

describe('scopes', () => {
  it('permit what they name, and no more', () => {
    const scope = scopeOf(['publish:sensor/temp', 'command:issue/stop', 'role:relay']);
    assert.equal(permits(scope, 'publish:sensor/temp'), true);
    assert.equal(permits(scope, 'publish:sensor/temperature'), false);
    assert.equal(permits(scope, 'command:issue', 'stop'), true);
    assert.equal(permits(scope, 'command:issue', 'start'), false);
    assert.equal(permits(scope, 'relay'), true, 'by its role');
    assert.equal(permits(scopeOf(['role:unknown']), 'relay'), false);
    assert.equal(permits(scopeOf(['command:issue']), 'command:issue', 'start'), true);
  });

  it('only narrow', () => {
    const outer = scopeOf(['publish:sensor/*', 'command:issue']);
    for (const inner of [
      'publish:sensor/a',
      'publish:sensor/a/*',
      'publish:sensor/*',
      'command:issue/stop',
      'command:issue',
    ])
      assert.equal(isScopeWithin(scopeOf([inner]), outer), true, inner);
    for (const inner of ['publish:indicator', 'relay', 'role:operator', 'publish:sensors'])
      assert.equal(isScopeWithin(scopeOf([inner]), outer), false, inner);
    assert.equal(isScopeWithin(scopeOf(['command:issue']), scopeOf(['command:issue/stop'])), false);
  });

  it(`have 1 to ${SCOPE_ENTRIES_MAX} entries`, () => {
    const entries = (count: number): string[] => Array.from({ length: count }, (_, i) => `publish:sensor/${i}`);
    assert.equal(parseScope(entries(SCOPE_ENTRIES_MAX)).length, SCOPE_ENTRIES_MAX);
    for (const count of [0, SCOPE_ENTRIES_MAX + 1])
      assert.throws(() => parseScope(entries(count)), { code: 'ERR_DELEGATE_SCOPE' });
  });
});

describe('statements of wallets (S3.02, S3.14)', () => {
  const wallet = walletOf(new Secret(new Uint8Array(32).fill(3)));
  const deviceKey = Uint8Array.fromHex('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
  const made = (notAfter: number, edit: (signature: Uint8Array) => void = () => {}): Uint8Array => {
    const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', deviceKey), BigInt(notAfter));
    edit(signature);
    return encodeWalletStatement({ address: wallet.address, deviceKey, notAfter: notAfter as UnixMs, signature });
  };

  it('name the wallet as origin, and keep their id whichever form v has (T11)', () => {
    const read = parseStatement(MESH, made(NOW));
    assert.equal(read.nodeId, `0x${wallet.address.toHex()}`);
    const other = parseStatement(
      MESH,
      made(NOW, (signature) => void (signature[64] = (signature[64] as number) - 27)),
    );
    assert.equal(other.id, read.id);
    assert.match(read.id, /^5[0-9a-f]{15}$/);
  });

  const bad: readonly (readonly [string, () => Uint8Array, string])[] = [
    ['without an end', () => made(0), 'ERR_DELEGATE_LIFETIME'],
    ['with v of 2', () => made(NOW, (s) => void (s[64] = 2)), 'ERR_DELEGATE_SIGNATURE'],
    ['with v of 29', () => made(NOW, (s) => void (s[64] = 29)), 'ERR_DELEGATE_SIGNATURE'],
    ['with a changed signature', () => made(NOW, (s) => void (s[3] = (s[3] as number) ^ 1)), 'ERR_DELEGATE_SIGNATURE'],
    [
      'with the high s',
      () => made(NOW, (s) => s.set(negateScalar('secp256k1', s.subarray(32, 64)), 32)),
      'ERR_DELEGATE_HIGH_S',
    ],
    [
      'with another expiry than was signed',
      () => edited(made(NOW), [...u64(NOW)], [...u64(NOW + 1)]),
      'ERR_DELEGATE_SIGNATURE',
    ],
    ['with a negative expiry', () => negativeExpiry(made(NOW)), 'ERR_DELEGATE_MALFORMED'],
    [
      'of a device whose key is off the curve',
      () => edited(made(NOW), [...deviceKey], [2, ...new Uint8Array(31), 7]),
      'ERR_DELEGATE_KEY',
    ],
    ['with a byte behind it', () => Uint8Array.of(...made(NOW), 0), 'ERR_DELEGATE_MALFORMED'],
    [
      'with the compact signature of EIP-2098, of 64 bytes',
      () => edited(made(NOW), [0x58, 65], [0x58, 64]).subarray(0, -1),
      'ERR_DELEGATE_MALFORMED',
    ],
    [
      'with a length in more bytes than it needs',
      () => Uint8Array.of(0x84, 0x58, ...made(NOW).subarray(1)),
      'ERR_DELEGATE_MALFORMED',
    ],
  ];
  for (const [name, make, code] of bad)
    it(`are refused ${name}`, () => {
      assert.throws(() => parseStatement(MESH, make()), { code });
    });
});

/** The head of 8 bytes and the number, as CBOR has it. */
function u64(value: number): Uint8Array {
  return new CborWriter().uint(value).finish();
}

function negativeExpiry(bytes: Uint8Array): Uint8Array {
  const head = u64(NOW);
  return edited(bytes, [...head], [(head[0] as number) | 0x20, ...head.subarray(1)]);
}

/** The same statement with its epoch as 18 01 in place of 01, and the length of its payload put right. */
function longer(bytes: Uint8Array): Uint8Array {
  const { protectedBytes, payload, signature } = decodeSign1(bytes, STATEMENT_BYTES_MAX);
  const epoch = payload.findIndex((byte, i) => byte === 0x82 && payload[i + 1] === 1) + 1;
  const spliced = Uint8Array.of(...payload.subarray(0, epoch), 0x18, ...payload.subarray(epoch));
  return encodeSign1({ protectedBytes, payload: spliced, signature });
}

/** The bytes with the first place where these stand replaced by others. */
function edited(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const place = bytes.findIndex((_, at) => from.every((byte, i) => bytes[at + i] === byte));
  assert.ok(place >= 0, 'nothing to be edited');
  const out = bytes.slice();
  out.set(to, place);
  return out;
}

/** A statement with any payload, its signature of no worth. */
function payloadOf(wish: Partial<StatementFields>): Uint8Array {
  const { id, epoch, index, nodeId, key, scope, notBefore, notAfter } = fields(wish);
  const writer = new CborWriter().array(7).bytes(Uint8Array.fromHex(id)).array(2).uint(epoch).uint(index).text(nodeId);
  writer
    .array(2)
    .uint({ 'P-256': 1, Ed25519: 6, secp256k1: 8 }[key.curve] ?? 2)
    .bytes(key.bytes)
    .array(scope.length);
  for (const entry of scope) writer.text(entry);
  const payload = writer
    .uint(notBefore / 1_000)
    .uint(notAfter / 1_000)
    .finish();
  const protectedBytes = new CborWriter().map(1).uint(1).int(-47).finish();
  return encodeSign1({ protectedBytes, payload, signature: new Uint8Array(64).fill(1) });
}
