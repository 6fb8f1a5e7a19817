import { type Delegations, NO_DELEGATIONS } from '../identity/delegate/delegations.ts';

/**
 * What the authority publishes of delegates, from the newest list of each of its keys. The floor of the epochs is the
 * highest that was ever seen: no list takes back what an earlier one voided.
 */
export class DelegationsView {
  readonly #ofIssuer = new Map<string, Delegations>();
  #floor = 0;
  #merged: Delegations = NO_DELEGATIONS;

  get current(): Delegations {
    return this.#merged;
  }

  /** Takes over what a list says that is newer than ours; `undefined` where it says nothing. */
  install(issuerKeyHash: string, delegations: Delegations | undefined): void {
    if (delegations === undefined) this.#ofIssuer.delete(issuerKeyHash);
    else this.#ofIssuer.set(issuerKeyHash, delegations);
    this.raiseFloor(delegations?.epochFloor ?? 0);
  }

  /** Everything of an earlier epoch stays void, whatever later lists say. */
  raiseFloor(epochFloor: number): void {
    this.#floor = Math.max(this.#floor, epochFloor);
    const all = Array.from(this.#ofIssuer.values());
    this.#merged = {
      epochFloor: this.#floor,
      branches: all.flatMap(({ branches }) => branches),
      wallets: all.flatMap(({ wallets }) => wallets),
    };
  }
}
