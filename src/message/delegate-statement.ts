import { type Bytes, concatBytes } from '../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { CborReader } from '../codec/cbor-reader.ts';
import { CborWriter } from '../codec/cbor-writer.ts';
import { COMPRESSED_POINT_BYTES, uncompressPoint } from '../crypto/curve/curve-point.ts';
import { sha256Hex } from '../crypto/hash.ts';
import { RECOVERABLE_SIGNATURE_BYTES } from '../crypto/secp256k1/recover.ts';
import { isLowS } from '../crypto/secp256k1/signature.ts';
import { WALLET_ADDRESS_BYTES } from '../crypto/secp256k1/wallet-address.ts';
import { openDelegateKey } from '../identity/delegate/delegate-key.ts';
import type { DelegateStatement } from '../identity/delegate/delegations.ts';
import { parseTreeStatement, STATEMENT_ID_BYTES } from '../identity/delegate/statement.ts';
import { type WalletStatement, walletNodeId } from '../identity/delegate/wallet-statement.ts';
import type { MeshName } from '../identity/mesh-name.ts';
import { delegateHashSource, verifyWalletDelegate } from './river/wallet-delegate.ts';

/** The head of an array of four, with which a wallet's statement begins; the other kind begins with a tag. */
const WALLET_HEAD = 0x84;

/**
 * Who vouches for a device's key: a child of the authority's tree, whose signature is not checked here, or a wallet,
 * whose signature is.
 *
 * @throws ERR_DELEGATE_MALFORMED, ERR_DELEGATE_KEY, ERR_DELEGATE_LIFETIME, ERR_DELEGATE_SCOPE, ERR_DELEGATE_SIGNATURE,
 *   ERR_DELEGATE_HIGH_S
 */
export function parseStatement(mesh: MeshName, bytes: Bytes): DelegateStatement {
  return bytes[0] === WALLET_HEAD ? parseWalletStatement(bytes) : parseTreeStatement(mesh, bytes);
}

export interface WalletStatementFields {
  /** Of the wallet, 20 bytes. */
  readonly address: Bytes;
  /** A compressed point of secp256k1. */
  readonly deviceKey: Bytes;
  readonly notAfter: UnixMs;
  /** `delegate_sig` of River. */
  readonly signature: Bytes;
}

/** `[wallet's address(20), device's key(33), expiry in ms, delegate_sig(65)]`. */
export function encodeWalletStatement({ address, deviceKey, notAfter, signature }: WalletStatementFields): Bytes {
  return new CborWriter(160).array(4).bytes(address).bytes(deviceKey).uint(notAfter).bytes(signature).finish();
}

/** A statement without an end (River's expiry 0) is refused here (T10). */
function parseWalletStatement(bytes: Bytes): WalletStatement {
  const { address, deviceKey, notAfter, signature } = readFields(bytes);
  if (notAfter === 0) throw new MeshError('ERR_DELEGATE_LIFETIME', 'delegate of a wallet has no end');
  const key = { curve: 'secp256k1', bytes: deviceKey } as const;
  openDelegateKey(key);
  const point = uncompressPoint('secp256k1', deviceKey);
  const expiresAtMs = BigInt(notAfter);
  if (!isLowS(signature)) throw new MeshError('ERR_DELEGATE_HIGH_S', 'signature of the wallet has a high s');
  try {
    verifyWalletDelegate({ creator: address, deviceKey: point, expiresAtMs, signature });
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw new MeshError('ERR_DELEGATE_SIGNATURE', messageOf(error), undefined, { cause: error });
  }
  // Of what was signed, never of the signature: its v has two forms, and a revocation must meet both (T11).
  const identity = sha256Hex(concatBytes(address, delegateHashSource(point, expiresAtMs)));
  const id = `5${identity.slice(1, 2 * STATEMENT_ID_BYTES)}`;
  return { tag: 'wallet', address, nodeId: walletNodeId(address), key, notAfter, id, bytes };
}

function readFields(bytes: Bytes): WalletStatementFields {
  try {
    const reader = new CborReader(bytes);
    reader.arrayOf(4);
    const address = reader.bytesOf(WALLET_ADDRESS_BYTES).slice();
    const deviceKey = reader.bytesOf(COMPRESSED_POINT_BYTES).slice();
    const notAfter = reader.uint() as UnixMs;
    const signature = reader.bytesOf(RECOVERABLE_SIGNATURE_BYTES).slice();
    reader.end();
    return { address, deviceKey, notAfter, signature };
  } catch (error) {
    if (!isMeshError(error)) throw error;
    throw new MeshError('ERR_DELEGATE_MALFORMED', `delegate statement of a wallet: ${messageOf(error)}`);
  }
}
