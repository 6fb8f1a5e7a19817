import { type Bytes, concatBytes, fromHex, utf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { SECOND_MS, type UnixMs, unixSeconds } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { WALLET_ADDRESS_BYTES, walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { isSameAddress, recoverPersonalMessage } from './wallet.ts';
import { judgeDelegateExpiry, judgeDelegateLife, verifyWalletDelegate } from './wallet-delegate.ts';

export const CHALLENGE_BYTES = 16;

/** What the signed text begins with: River's clients know two services, and sign for either. */
export const CHALLENGE_PREFIXES = ['NS_AUTH:', 'AS_AUTH:'] as const;

export type ChallengePrefix = (typeof CHALLENGE_PREFIXES)[number];

/** Sixteen random bytes that a wallet, or a device for it, shall sign. */
export interface Challenge {
  readonly bytes: Bytes;
  /** Address of who says to be there. */
  readonly user: Bytes;
  readonly expiresAt: UnixMs;
}

export interface ChallengeAnswer {
  /** Over {@link challengeHash}, as a wallet signs: 65 bytes. */
  readonly signature: Bytes;
  /** Empty where the user's own wallet signed. */
  readonly delegateSig: Bytes;
  readonly delegateExpiryEpochMs: bigint;
}

/** SHA-256 of `prefix ‖ user(20) ‖ expiry in seconds (as few octets as it takes, BE) ‖ challenge(16)`. */
export function challengeHash(prefix: ChallengePrefix, { user, expiresAt, bytes }: Challenge): Bytes {
  const hex = unixSeconds(expiresAt).toString(16);
  const seconds = fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
  return sha256(concatBytes(utf8(prefix), user, seconds, bytes));
}

/**
 * That the user, or a device under the user's delegate, signed the challenge. The caller has seen to it that the
 * challenge is its own, asked for the first time, and not past its time.
 *
 * The delegate is judged in whole seconds, as River's service does, but equal is too late here as everywhere.
 *
 * @throws ERR_CHALLENGE_SIGNATURE; what {@link verifyWalletDelegate} and {@link judgeDelegateExpiry} and {@link judgeDelegateLife} throw.
 */
export function verifyChallenge(
  challenge: Challenge,
  answer: ChallengeAnswer,
  now: UnixMs,
  forever: 'refused' | 'allowed',
): void {
  const { delegateSig, delegateExpiryEpochMs } = answer;
  const signers = CHALLENGE_PREFIXES.flatMap((prefix) => {
    const signer = recoverPersonalMessage(challengeHash(prefix, challenge), answer.signature);
    return signer === undefined ? [] : [signer];
  });
  if (challenge.user.length !== WALLET_ADDRESS_BYTES || signers.length === 0) throw notSigned();
  if (delegateSig.length === 0) {
    if (!signers.some((signer) => isSameAddress(walletAddressOf(signer), challenge.user))) throw notSigned();
    return;
  }
  const wholeSeconds = delegateExpiryEpochMs - (delegateExpiryEpochMs % BigInt(SECOND_MS));
  if (delegateExpiryEpochMs >= 0n) judgeDelegateExpiry(wholeSeconds, now, forever);
  judgeDelegateLife(wholeSeconds, now, forever);
  let refusal: unknown;
  for (const deviceKey of signers) {
    try {
      verifyWalletDelegate({
        creator: challenge.user,
        deviceKey,
        expiresAtMs: delegateExpiryEpochMs,
        signature: delegateSig,
      });
      return;
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

function notSigned(): MeshError {
  return new MeshError('ERR_CHALLENGE_SIGNATURE', 'challenge is not signed by the user, nor under a delegate of it');
}
