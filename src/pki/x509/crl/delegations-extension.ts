import { type Bytes, textOfUtf8 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { type DerReader, readOnly } from '../../../codec/der-reader.ts';
import { TAG } from '../../../codec/der-tag.ts';
import { octetString, sequence, time, unsignedInteger, utf8String } from '../../../codec/der-writer.ts';
import { compressPoint } from '../../../crypto/curve/curve-point.ts';
import { WALLET_ADDRESS_BYTES } from '../../../crypto/secp256k1/wallet-address.ts';
import { type Branch, EPOCH_MAX } from '../../../identity/delegate/branch.ts';
import {
  BRANCHES_MAX,
  type Delegations,
  type WalletGrant,
  WALLETS_MAX,
} from '../../../identity/delegate/delegations.ts';
import { parseScope, type Scope, SCOPE_ENTRIES_MAX } from '../../../identity/delegate/scope.ts';
import { ExtendedPublicKey, FINGERPRINT_BYTES } from '../../../identity/key-tree/extended-key.ts';

/** Depth of a branch in the tree: purpose, mesh, epoch. */
const BRANCH_DEPTH = 3;
const CHAIN_CODE_BYTES = 32;

/**
 * What the authority publishes of delegates, in an extension of its revocation list that is not critical: so branches
 * and epochs travel on every road that revocations travel, under the same number and the same signature (ADR 0019).
 *
 * ```
 * Delegations ::= SEQUENCE { epochFloor INTEGER, branches SEQUENCE OF Branch, wallets SEQUENCE OF WalletGrant }
 * Branch ::= SEQUENCE { epoch INTEGER, parent OCTET STRING (4), key OCTET STRING (33), chainCode OCTET STRING (32),
 *                       notBefore Time, notAfter Time, scope SEQUENCE OF UTF8String }
 * WalletGrant ::= SEQUENCE { address OCTET STRING (20), notAfter Time, scope SEQUENCE OF UTF8String,
 *                            revokedBelow INTEGER OPTIONAL } -- Unix milliseconds, at least 1
 * ```
 */
export function encodeDelegations({ epochFloor, branches, wallets }: Delegations): Bytes {
  return sequence(
    unsignedInteger(epochFloor),
    sequence(...branches.map(encodeBranch)),
    sequence(...wallets.map(encodeWallet)),
  );
}

/** @throws ERR_DER, ERR_DELEGATE_SCOPE, ERR_KEY_POINT for anything but such an extension in order of epoch, address. */
export function readDelegations(value: Bytes): Delegations {
  return readOnly(value, (reader) => {
    const body = reader.sequence();
    const epochFloor = readEpoch(body);
    const branches = readList(body.sequence(), BRANCHES_MAX, readBranch);
    const wallets = readList(body.sequence(), WALLETS_MAX, readWallet);
    body.end();
    requireRising(branches.map(({ epoch }) => epoch));
    requireRising(wallets.map(({ address }) => address.toHex()));
    return { epochFloor, branches, wallets };
  });
}

function encodeBranch({ epoch, key, notBefore, notAfter, scope }: Branch): Bytes {
  return sequence(
    unsignedInteger(epoch),
    octetString(key.place.parentFingerprint),
    octetString(key.publicKey),
    octetString(key.chainCode),
    time(notBefore),
    time(notAfter),
    encodeScope(scope),
  );
}

function readBranch(reader: DerReader): Branch {
  const epoch = readEpoch(reader);
  const parentFingerprint = readOctets(reader, FINGERPRINT_BYTES);
  const point = compressPoint('secp256k1', reader.octetString());
  const chainCode = readOctets(reader, CHAIN_CODE_BYTES);
  const notBefore = reader.time();
  const notAfter = reader.time();
  const scope = readScope(reader);
  reader.end();
  const place = { depth: BRANCH_DEPTH, parentFingerprint, index: epoch + 0x8000_0000 };
  const key = new ExtendedPublicKey('secp256k1', place, chainCode, point);
  return { epoch, key, notBefore, notAfter, scope };
}

function encodeWallet({ address, notAfter, scope, revokedBelow }: WalletGrant): Bytes {
  const revoked = revokedBelow === undefined ? [] : [unsignedInteger(revokedBelow)];
  return sequence(octetString(address), time(notAfter), encodeScope(scope), ...revoked);
}

function readWallet(reader: DerReader): WalletGrant {
  const address = readOctets(reader, WALLET_ADDRESS_BYTES);
  const notAfter = reader.time();
  const scope = readScope(reader);
  if (reader.isAtEnd) return { address, notAfter, scope };
  const revokedBelow = reader.smallInteger() as UnixMs;
  reader.end();
  if (revokedBelow < 1) throw new MeshError('ERR_DER', 'a wallet revokes what ends before 1970');
  return { address, notAfter, scope, revokedBelow };
}

function encodeScope(scope: Scope): Bytes {
  return sequence(...scope.map(utf8String));
}

function readScope(reader: DerReader): Scope {
  return parseScope(readTexts(reader.sequence()));
}

function readTexts(list: DerReader): readonly string[] {
  const texts: string[] = [];
  while (!list.isAtEnd && texts.length <= SCOPE_ENTRIES_MAX) texts.push(textOfUtf8(list.content(TAG.utf8String)));
  return texts;
}

function readList<T>(list: DerReader, countMax: number, read: (reader: DerReader) => T): readonly T[] {
  const items: T[] = [];
  while (!list.isAtEnd) {
    if (items.length >= countMax) throw new MeshError('ERR_DER', `list of more than ${countMax} delegations`);
    items.push(read(list.sequence()));
  }
  return items;
}

function readEpoch(reader: DerReader): number {
  const epoch = reader.smallInteger();
  if (epoch < 0 || epoch > EPOCH_MAX) throw new MeshError('ERR_DER', 'epoch is not below 2^31');
  return epoch;
}

function readOctets(reader: DerReader, length: number): Bytes {
  const octets = reader.octetString();
  if (octets.length !== length) throw new MeshError('ERR_DER', `${octets.length} octets, expected ${length}`);
  return octets.slice();
}

function requireRising(keys: readonly (number | string)[]): void {
  for (const [at, key] of keys.entries())
    if (at > 0 && key <= (keys[at - 1] as number | string))
      throw new MeshError('ERR_DER', 'delegations stand twice, or out of order');
}
