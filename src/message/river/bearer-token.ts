import { type Bytes, fromHex, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { bytesOf, int64, MessageSchema, textOf } from '../../codec/protobuf-message.ts';
import { Secret } from '../../crypto/secret.ts';
import { walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { recoverPersonalMessage, type Wallet, walletOf } from './wallet.ts';
import { delegateHashSource, type WalletDelegate } from './wallet-delegate.ts';

const BEARER_TOKEN = new MessageSchema<{
  readonly delegatePrivateKey: string;
  readonly delegateSig: Bytes;
  readonly expiryEpochMs: bigint;
}>({ delegatePrivateKey: textOf(1), delegateSig: bytesOf(2), expiryEpochMs: int64(3) });

/** Hex digits of a token: its three fields take some 150 bytes. */
export const TOKEN_DIGITS_MAX = 1_024;

/** A device that signs for somebody. */
export interface DelegatedSigner {
  readonly device: Wallet;
  readonly delegate: WalletDelegate;
}

/**
 * Opens River's bearer token: the private key of a device and the wallet's delegate for it, in hex. Whoever has it can
 * sign as the creator until it expires: it is a secret, and no server ever needs to see it.
 *
 * The token does not say who the creator is: whoever signed the delegate is, so any token names somebody.
 *
 * @throws ERR_BEARER_TOKEN for anything that is none. Its content is never quoted.
 */
export function openBearerToken(text: string): DelegatedSigner {
  const digits = text.trim().replace(/^0x/i, '');
  if (digits.length > TOKEN_DIGITS_MAX) throw noToken();
  try {
    const { delegatePrivateKey, delegateSig, expiryEpochMs } = BEARER_TOKEN.decode(fromHex(digits));
    const device = walletOf(new Secret(fromHex(delegatePrivateKey.replace(/^0x/, ''))));
    const source = delegateHashSource(device.publicKey, expiryEpochMs);
    const signer = recoverPersonalMessage(source, delegateSig);
    if (signer === undefined) throw noToken();
    const delegate = {
      creator: walletAddressOf(signer),
      deviceKey: device.publicKey,
      expiresAtMs: expiryEpochMs,
      signature: delegateSig,
    };
    return { device, delegate };
  } catch {
    throw noToken(); // without the cause: it may quote the key
  }
}

/** The token of a device, in lower-case hex. @param key the device's private key. */
export function encodeBearerToken(key: Secret, { signature, expiresAtMs }: WalletDelegate): string {
  const delegatePrivateKey = key.use((bytes) => `0x${toHex(bytes)}`);
  return toHex(BEARER_TOKEN.encode({ delegatePrivateKey, delegateSig: signature, expiryEpochMs: expiresAtMs }));
}

function noToken(): MeshError {
  return new MeshError('ERR_BEARER_TOKEN', 'text is no bearer token of River');
}
