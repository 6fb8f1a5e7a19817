import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import { type NodeId, parseNodeId } from '../node-id.ts';
import type { DelegateKey } from './delegate-key.ts';

/**
 * What a wallet says of a device's key, as River's clients write it: the key and when it ends, and nothing else. What
 * it may do in a mesh, and whether anything at all, the mesh decides (`WalletGrant`).
 */
export interface WalletStatement {
  readonly tag: 'wallet';
  /** Of the wallet, 20 bytes. */
  readonly address: Bytes;
  /** The origin of what its delegates say: {@link walletNodeId}. */
  readonly nodeId: NodeId;
  /** Of secp256k1. */
  readonly key: DelegateKey;
  readonly notAfter: UnixMs;
  /** From the hash of what the wallet signed, in the form of a serial number: with it the statement is revoked. */
  readonly id: string;
  /** As received. */
  readonly bytes: Bytes;
}

/** `0x` and the address in lower-case hex: the origin of what a wallet's delegates say. */
export function walletNodeId(address: Bytes): NodeId {
  return parseNodeId(`0x${address.toHex()}`);
}
