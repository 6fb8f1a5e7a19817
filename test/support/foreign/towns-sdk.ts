import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Envelope } from '../../../src/message/river/envelope.ts';

const BUNDLE =
  process.env['CHAINMAIL_TOWNS_SDK'] ??
  join(import.meta.dirname, '..', '..', '..', '.ci-cache', 'towns-sdk', 'sdk.cjs');

/** Why tests against River's SDK cannot run here, for their `skip` option. */
export const missingTownsSdk: string | false = !existsSync(BUNDLE) && "River's SDK not bundled: see .ci/run";

/** A wallet of ethers 5. */
interface EthersWallet {
  readonly address: string;
  readonly privateKey: string;
  readonly publicKey: string;
  signMessage(message: Uint8Array): Promise<string>;
}

export interface SignerContext {
  readonly creatorAddress: Uint8Array;
  readonly delegateSig?: Uint8Array;
  readonly delegateExpiryEpochMs?: bigint;
  signerPrivateKey(): string;
}

type Expiry = bigint | { readonly days?: number; readonly seconds?: number };

/** The part of `@towns-protocol/sdk` that tests use. */
export interface TownsSdk {
  readonly ethers: { readonly Wallet: { new (key: string): EthersWallet; createRandom(): EthersWallet } };
  makeSignerContext(wallet: EthersWallet, device: EthersWallet, expiry?: Expiry): Promise<SignerContext>;
  makeEvent(
    context: SignerContext,
    payload: unknown,
    prevMiniblockHash?: Uint8Array,
    prevMiniblockNum?: bigint,
  ): Promise<Envelope>;
  /** Throws where the event does not hold. */
  unpackEnvelope(
    envelope: Envelope,
    options: undefined,
  ): Promise<{ readonly creatorUserId: string; readonly hash: Uint8Array }>;
  /** Throws where an event or a block of a stream does not hold. */
  unpackStream(
    stream: unknown,
    options: undefined,
  ): Promise<{
    readonly streamAndCookie: { readonly miniblocks: readonly { readonly events: readonly unknown[] }[] };
    readonly snapshot: { readonly content: { readonly case: string } };
  }>;
  checkDelegateSig(delegate: {
    readonly delegatePubKey: Uint8Array;
    readonly creatorAddress: Uint8Array;
    readonly delegateSig: Uint8Array;
    readonly expiryEpochMs: bigint;
  }): void;
  makeBearerToken(wallet: EthersWallet, expiry: Expiry): Promise<string>;
  makeSignerContextFromBearerToken(token: string): Promise<SignerContext>;
  riverHash(bytes: Uint8Array): Uint8Array;
  riverSnapshotHash(bytes: Uint8Array): Uint8Array;
  notificationServiceHash(user: Uint8Array, expirySeconds: bigint, challenge: Uint8Array): Uint8Array;
  appRegistryHash(user: Uint8Array, expirySeconds: bigint, challenge: Uint8Array): Uint8Array;
}

/** Only where {@link missingTownsSdk} is `false`. */
export function townsSdk(): TownsSdk {
  return createRequire(import.meta.url)(BUNDLE) as TownsSdk;
}
