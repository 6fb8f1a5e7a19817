import type { Bytes } from '../../base/bytes.ts';
import { uncompressPoint } from '../curve/curve-point.ts';
import { keccak256 } from '../keccak.ts';

export const WALLET_ADDRESS_BYTES = 20;

/**
 * The address of a wallet's public key: the last 20 bytes of Keccak-256 over x and y.
 * @param point compressed or not. @throws ERR_KEY_POINT
 */
export function walletAddressOf(point: Bytes): Bytes {
  return keccak256(uncompressPoint('secp256k1', point).subarray(1)).slice(-WALLET_ADDRESS_BYTES);
}
