import { type Bytes, toHex } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { toRfc3339 } from '../base/time.ts';
import { addressText } from '../message/river/wallet.ts';
import { parseWalletEpoch, type WalletEpoch } from '../message/river/wallet-epoch.ts';
import type { StreamStore } from '../ports/stream-store.ts';

/** From which expiry on each wallet's delegates count (S3.15). Only rises; what is answered is on the disk. */
export class WalletEpochs {
  readonly #store: StreamStore;
  readonly #epochs = new Map<string, WalletEpoch>();

  private constructor(store: StreamStore) {
    this.#store = store;
  }

  static async open(store: StreamStore): Promise<WalletEpochs> {
    const epochs = new WalletEpochs(store);
    for (const statement of await store.walletEpochs()) epochs.#note(parseWalletEpoch(statement));
    return epochs;
  }

  /**
   * Takes a wallet's statement, which speaks for itself, whoever brings it.
   * @returns what counts now: this one, or a later one that is known.
   * @throws ERR_EPOCH_...; ERR_STREAM_NOT_FOUND of a wallet that has begun no stream here: strangers make wallets for
   *   nothing, and so what they leave here must be bounded by what is bounded already.
   */
  async take(statement: Bytes): Promise<WalletEpoch> {
    const epoch = parseWalletEpoch(statement);
    const known = this.#epochs.get(toHex(epoch.address));
    if (known !== undefined && known.below >= epoch.below) return known;
    if (!(await this.#store.hasStreamOf(epoch.address)))
      throw new MeshError('ERR_STREAM_NOT_FOUND', `${addressText(epoch.address)} has begun no stream here`);
    await this.#store.putWalletEpoch(epoch.address, epoch.below, statement);
    this.#note(epoch);
    return this.#epochs.get(toHex(epoch.address)) as WalletEpoch;
  }

  /** That the wallet has not voided a delegate of this expiry. @throws ERR_WALLET_REVOKED */
  judge(wallet: Bytes, expiresAtMs: bigint): void {
    const epoch = this.#epochs.get(toHex(wallet));
    if (epoch === undefined || expiresAtMs >= BigInt(epoch.below)) return;
    throw new MeshError(
      'ERR_WALLET_REVOKED',
      `${addressText(wallet)} has revoked its delegates that end before ${toRfc3339(epoch.below)}`,
    );
  }

  #note(epoch: WalletEpoch): void {
    const key = toHex(epoch.address);
    const known = this.#epochs.get(key);
    if (known === undefined || known.below < epoch.below) this.#epochs.set(key, epoch);
  }
}
