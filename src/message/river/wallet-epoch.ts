import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../base/time.ts';
import { CborReader } from '../../codec/cbor-reader.ts';
import { CborWriter } from '../../codec/cbor-writer.ts';
import { isLowS } from '../../crypto/secp256k1/signature.ts';
import { RECOVERABLE_SIGNATURE_BYTES } from '../../crypto/secp256k1/recover.ts';
import { WALLET_ADDRESS_BYTES, walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { addressText, isSameAddress, recoverPersonalMessage, type Wallet } from './wallet.ts';

/** Of 16 bytes with the epoch: no `RIVERSIG`, which has 80 or 81, and no challenge, which is a hash. */
const SOURCE_HEADER = utf8('CHAINREV');

/** The head of an array of three: a delegate's statement of a wallet has four, one of the tree a tag. */
export const WALLET_EPOCH_HEAD = 0x83;

/** Octets of a statement: 3 heads, address, epoch, signature. */
export const WALLET_EPOCH_BYTES_MAX = 128;

/** The last instant that has an RFC 3339 form. */
export const WALLET_EPOCH_MS_MAX = 253_402_300_799_999;

/**
 * A wallet's word that its delegates are void whose expiry is earlier than this (S3.15). River's delegates have no number of
 * an epoch; their expiry is one, as they must end soon: what a wallet signs later ends later. The highest epoch counts, so
 * an older statement that is shown again changes nothing.
 */
export interface WalletEpoch {
  /** Of the wallet, 20 bytes. */
  readonly address: Bytes;
  /** Delegates that end before this instant are void; one that never ends is, too. */
  readonly below: UnixMs;
  /** EIP-191 over {@link walletEpochSource}: 65 bytes. */
  readonly signature: Bytes;
}

/** What the wallet signs: `"CHAINREV" ‖ epoch(8, LE)`. */
export function walletEpochSource(below: UnixMs): Bytes {
  const epoch = new Uint8Array(8);
  new DataView(epoch.buffer).setBigUint64(0, BigInt(below), true);
  return concatBytes(SOURCE_HEADER, epoch);
}

export function signWalletEpoch(wallet: Wallet, below: UnixMs): WalletEpoch {
  return { address: wallet.address, below, signature: wallet.signPersonal(walletEpochSource(below)) };
}

/** `[wallet's address(20), epoch in ms, signature(65)]`. */
export function encodeWalletEpoch({ address, below, signature }: WalletEpoch): Bytes {
  return new CborWriter(WALLET_EPOCH_BYTES_MAX).array(3).bytes(address).uint(below).bytes(signature).finish();
}

/**
 * Reads a statement and checks its signature.
 * @throws ERR_EPOCH_MALFORMED for any other bytes, a v that there is not, and a high s; ERR_EPOCH_SIGNATURE where another
 *   wallet signed, or another epoch.
 */
export function parseWalletEpoch(bytes: Bytes): WalletEpoch {
  const epoch = readFields(bytes);
  const v = epoch.signature[64] as number;
  if ((v !== 0 && v !== 1 && v !== 27 && v !== 28) || !isLowS(epoch.signature))
    throw malformed('its signature is not in the one form that wallets write');
  const signer = recoverPersonalMessage(walletEpochSource(epoch.below), epoch.signature);
  if (signer === undefined || !isSameAddress(walletAddressOf(signer), epoch.address))
    throw new MeshError(
      'ERR_EPOCH_SIGNATURE',
      `that delegates before ${toRfc3339(epoch.below)} are void is not signed by ${addressText(epoch.address)}`,
    );
  return epoch;
}

function readFields(bytes: Bytes): WalletEpoch {
  try {
    if (bytes.length > WALLET_EPOCH_BYTES_MAX) throw malformed(`it has ${bytes.length} bytes`);
    const reader = new CborReader(bytes);
    reader.arrayOf(3);
    const address = reader.bytesOf(WALLET_ADDRESS_BYTES).slice();
    const below = reader.uint();
    const signature = reader.bytesOf(RECOVERABLE_SIGNATURE_BYTES).slice();
    reader.end();
    if (below < 1 || below > WALLET_EPOCH_MS_MAX) throw malformed('its epoch is no time until the year 9999');
    return { address, below: below as UnixMs, signature };
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_EPOCH_MALFORMED') throw error;
    throw malformed(messageOf(error));
  }
}

function malformed(what: string): MeshError {
  return new MeshError('ERR_EPOCH_MALFORMED', `statement of a wallet’s epoch: ${what}`);
}
