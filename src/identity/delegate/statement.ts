import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import { DAY_MS, HOUR_MS, type UnixMs, UNIX_SECONDS_MAX, unixMsFromSeconds } from '../../base/time.ts';
import { CborReader } from '../../codec/cbor-reader.ts';
import { CborWriter } from '../../codec/cbor-writer.ts';
import { decodeSign1, encodeSign1, sigStructure } from '../../cose/sign1.ts';
import { CAPABILITY_CHARS_MAX } from '../capability.ts';
import type { MeshName } from '../mesh-name.ts';
import { type NodeId, parseNodeId } from '../node-id.ts';
import { EPOCH_MAX } from './branch.ts';
import {
  CHAIN_CODE_BYTES,
  coseCurveOf,
  curveOfCose,
  DELEGATE_KEY_BYTES_MAX,
  type DelegateKey,
} from './delegate-key.ts';
import { parseScope, type Scope, SCOPE_ENTRIES_MAX } from './scope.ts';

/** Octets of a statement's id: it is revoked as a certificate's serial number is, and drawn like one. */
export const STATEMENT_ID_BYTES = 8;

/** Longest life of a delegate (T10): who finds a device has this long at most, where nobody can be told. */
export const DELEGATE_LIFE_MS_MAX = 30 * DAY_MS;

/**
 * Longest time that a wallet's delegate may still have: that of every delegate, and an hour for a wallet whose clock is
 * ahead. A wallet does not say when its delegate began, so its end alone bounds what it may still sign.
 */
export const WALLET_DELEGATE_MS_MAX = DELEGATE_LIFE_MS_MAX + HOUR_MS;

/** A statement rides in the header of a message, beside 500 bytes of other things. With one entry it has some 220. */
export const STATEMENT_BYTES_MAX = 512;

/** Shorter is no statement: a signature alone has 64. So no statement is taken for a hash. */
export const STATEMENT_BYTES_MIN = 64;

/** What is around the payload: tag, heads, protected header, signature. */
const ENVELOPE_BYTES = 80;

/** `{1: -47}`: alg ES256K (RFC 8812), all that the protected header has. */
const PROTECTED: Bytes = new CborWriter(5).map(1).uint(1).int(-47).finish();

/** What the authority says of a device's own key. */
export interface StatementFields {
  /** Lower-case hex, its first digit not 0: with it the statement is revoked. */
  readonly id: string;
  readonly epoch: number;
  /** Of the child of the epoch's branch whose key signs. */
  readonly index: number;
  /** In whose name the delegate speaks. */
  readonly nodeId: NodeId;
  readonly key: DelegateKey;
  readonly scope: Scope;
  /** To the second. */
  readonly notBefore: UnixMs;
  /** To the second; at this instant it has ended. */
  readonly notAfter: UnixMs;
}

/** A statement of this mesh, well-formed; whether it holds is for `judgeStatement`. */
export interface TreeStatement extends StatementFields {
  readonly tag: 'tree';
  /** The COSE Sig_structure. */
  readonly toBeSigned: Bytes;
  readonly signature: Bytes;
  /** As received. */
  readonly bytes: Bytes;
}

/** The bytes that the child key signs, and the payload that they cover. */
export interface ComposedStatement {
  readonly payload: Bytes;
  readonly toBeSigned: Bytes;
}

/**
 * @throws ERR_DELEGATE_LIFETIME for a life of nothing, of less, or of more than {@link DELEGATE_LIFE_MS_MAX};
 *   ERR_DELEGATE_SCOPE where it would be longer than {@link STATEMENT_BYTES_MAX}.
 */
export function composeStatement(mesh: MeshName, fields: StatementFields): ComposedStatement {
  requireLife(fields);
  const { id, epoch, index, nodeId, key, scope, notBefore, notAfter } = fields;
  const writer = new CborWriter(256).array(7).bytes(Uint8Array.fromHex(id));
  writer.array(2).uint(epoch).uint(index).text(nodeId);
  writeKey(writer, key);
  writer.array(scope.length);
  for (const entry of scope) writer.text(entry);
  // The mesh is not in it, but signed with it: see `externalAad`.
  const payload = writer
    .uint(notBefore / 1_000)
    .uint(notAfter / 1_000)
    .finish();
  if (payload.length + ENVELOPE_BYTES > STATEMENT_BYTES_MAX)
    throw new MeshError('ERR_DELEGATE_SCOPE', 'scope is too long for a statement', 'use fewer or shorter entries');
  return { payload, toBeSigned: sigStructure(PROTECTED, externalAad(mesh), payload) };
}

/** Puts the signature to it: 64 bytes, not verified here. */
export function assembleStatement({ payload }: ComposedStatement, signature: Bytes): Bytes {
  return encodeSign1({ protectedBytes: PROTECTED, payload, signature });
}

/** @throws ERR_DELEGATE_MALFORMED, ERR_DELEGATE_SCOPE, ERR_DELEGATE_KEY, ERR_DELEGATE_LIFETIME */
export function parseTreeStatement(mesh: MeshName, bytes: Bytes): TreeStatement {
  return malformedIfThrows(() => {
    if (bytes.length > STATEMENT_BYTES_MAX) malformed(`${bytes.length} bytes, expected at most ${STATEMENT_BYTES_MAX}`);
    const { protectedBytes, payload, signature } = decodeSign1(bytes, STATEMENT_BYTES_MAX);
    if (protectedBytes.length !== PROTECTED.length || protectedBytes.some((byte, i) => byte !== PROTECTED[i]))
      malformed('its header is not that of ES256K');
    if (signature.length !== 64) malformed('its signature is not 64 bytes');
    const fields = readPayload(payload);
    requireLife(fields);
    const toBeSigned = sigStructure(protectedBytes, externalAad(mesh), payload);
    return { tag: 'tree', ...fields, toBeSigned, signature, bytes };
  });
}

function readPayload(payload: Bytes): StatementFields {
  const reader = new CborReader(payload);
  reader.arrayOf(7);
  const id = reader.bytesOf(STATEMENT_ID_BYTES).toHex();
  if (id.startsWith('0')) malformed('its id begins with 0');
  reader.arrayOf(2);
  const epoch = step(reader.uint());
  const index = step(reader.uint());
  const nodeId = parseNodeId(reader.text(63));
  const key = readKey(reader);
  const scope = parseScope(
    Array.from({ length: reader.array(SCOPE_ENTRIES_MAX) }, () => reader.text(CAPABILITY_CHARS_MAX)),
  );
  const notBefore = seconds(reader.uint());
  const notAfter = seconds(reader.uint());
  reader.end();
  return { id, epoch, index, nodeId, key, scope, notBefore, notAfter };
}

/** `[curve, key]`, or `[8, key, chain code]` of a subtree. */
function writeKey(writer: CborWriter, { curve, bytes, chainCode }: DelegateKey): void {
  writer
    .array(chainCode === undefined ? 2 : 3)
    .uint(coseCurveOf(curve))
    .bytes(bytes);
  if (chainCode !== undefined) writer.bytes(chainCode);
}

function readKey(reader: CborReader): DelegateKey {
  const members = reader.array(3);
  if (members < 2) malformed('its key is no curve and key');
  const curve = curveOfCose(reader.uint());
  const bytes = reader.bytes(DELEGATE_KEY_BYTES_MAX).slice();
  if (members === 2) return { curve, bytes };
  if (curve !== 'secp256k1')
    throw new MeshError('ERR_DELEGATE_KEY', `a subtree of ${curve}, expected one of secp256k1`);
  return { curve, bytes, chainCode: reader.bytesOf(CHAIN_CODE_BYTES).slice() };
}

function requireLife({ notBefore, notAfter }: Pick<StatementFields, 'notBefore' | 'notAfter'>): void {
  const lifeMs = notAfter - notBefore;
  if (!(lifeMs > 0 && lifeMs <= DELEGATE_LIFE_MS_MAX))
    throw new MeshError(
      'ERR_DELEGATE_LIFETIME',
      `delegate lives ${lifeMs / 1_000} s, expected 1 to ${DELEGATE_LIFE_MS_MAX / 1_000}`,
    );
}

/** Signed with every statement, never sent: a statement of one mesh means nothing in another. */
function externalAad(mesh: MeshName): Bytes {
  return new CborWriter(64).array(2).text('chainmail delegate v1').text(mesh).finish();
}

function step(value: number): number {
  return value <= EPOCH_MAX ? value : malformed('its epoch or index is not below 2^31');
}

function seconds(value: number): UnixMs {
  return value <= UNIX_SECONDS_MAX ? unixMsFromSeconds(value) : malformed('a time of it lies beyond the year 9999');
}

function malformed(what: string): never {
  throw new MeshError('ERR_DELEGATE_MALFORMED', `delegate statement: ${what}`);
}

function malformedIfThrows<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isMeshError(error) || error.code.startsWith('ERR_DELEGATE_')) throw error;
    throw new MeshError('ERR_DELEGATE_MALFORMED', `delegate statement: ${messageOf(error)}`, undefined, {
      cause: error,
    });
  }
}
