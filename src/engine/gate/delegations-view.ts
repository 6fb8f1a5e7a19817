import { fromHex, toHex } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import { type Delegations, NO_DELEGATIONS, type WalletGrant } from '../../identity/delegate/delegations.ts';
import type { WalletFloorRow } from '../../ports/node-store.ts';

/**
 * Wallets of which the highest epoch is remembered: those of the newest list, and of fifteen lists before that shared none.
 * With more the lowest epoch goes, as what it voids has ended first.
 */
export const WALLET_FLOORS_MAX = 1_024;

/**
 * What the authority publishes of delegates, from the newest list of each of its keys. The floor of the epochs, and each
 * wallet's, is the highest that was ever seen: no list takes back what an earlier one voided.
 */
export class DelegationsView {
  readonly #ofIssuer = new Map<string, Delegations>();
  #floor = 0;
  #walletFloors: ReadonlyMap<string, UnixMs> = new Map();
  #merged: Delegations = NO_DELEGATIONS;

  get current(): Delegations {
    return this.#merged;
  }

  /** Also of wallets that no list names any more. */
  get walletFloors(): readonly WalletFloorRow[] {
    return Array.from(this.#walletFloors, ([address, below]) => ({ address: fromHex(address), below }));
  }

  /** Takes over what a list says that is newer than ours; `undefined` where it says nothing. @returns what it raised. */
  install(
    issuerKeyHash: string,
    delegations: Delegations | undefined,
  ): { readonly epochFloor: boolean; readonly walletFloors: boolean } {
    if (delegations === undefined) this.#ofIssuer.delete(issuerKeyHash);
    else this.#ofIssuer.set(issuerKeyHash, delegations);
    const { epochFloor = 0, wallets = [] } = delegations ?? {};
    const floors = wallets.flatMap(({ address, revokedBelow: below }) =>
      below === undefined ? [] : [{ address, below }],
    );
    return this.raise(epochFloor, floors);
  }

  /** Everything of an earlier epoch, or of a wallet that ends earlier, stays void, whatever later lists say. */
  raise(
    epochFloor: number,
    wallets: readonly WalletFloorRow[],
  ): { readonly epochFloor: boolean; readonly walletFloors: boolean } {
    const raised = { epochFloor: epochFloor > this.#floor, walletFloors: this.#raiseWallets(wallets) };
    this.#floor = Math.max(this.#floor, epochFloor);
    const all = Array.from(this.#ofIssuer.values());
    this.#merged = {
      epochFloor: this.#floor,
      branches: all.flatMap(({ branches }) => branches),
      wallets: all.flatMap((one) => one.wallets.map((grant) => this.#floored(grant))),
    };
    return raised;
  }

  #raiseWallets(wallets: readonly WalletFloorRow[]): boolean {
    const higher = wallets.filter(({ address, below }) => below > (this.#walletFloors.get(toHex(address)) ?? 0));
    if (higher.length === 0) return false;
    const floors = new Map(this.#walletFloors);
    for (const { address, below } of higher) floors.set(toHex(address), below);
    const kept = [...floors].toSorted(([, a], [, b]) => b - a).slice(0, WALLET_FLOORS_MAX);
    this.#walletFloors = new Map(kept);
    return true;
  }

  #floored(grant: WalletGrant): WalletGrant {
    const below = this.#walletFloors.get(toHex(grant.address));
    return below === undefined || below <= (grant.revokedBelow ?? 0) ? grant : { ...grant, revokedBelow: below };
  }
}
