import type { Bytes } from '../../base/bytes.ts';
import type { UnixMs } from '../../base/time.ts';
import type {
  KeptRevocation,
  NodeChange,
  NodeStore,
  RestoredNode,
  StoredMessage,
  WalletFloorRow,
} from '../../ports/node-store.ts';

/** A {@link NodeStore} without a disk: the same promises for as long as the process lives. */
export class MemoryNodeStore implements NodeStore {
  readonly #messages = new Map<number, StoredMessage>();
  readonly #chains = new Map<string, readonly Bytes[]>();
  readonly #crls = new Map<string, Bytes>();
  readonly #revocations = new Map<string, KeptRevocation>();
  #incarnation = 0;
  #timeFloor = 0 as UnixMs;
  #epochFloor = 0;
  #walletFloors: readonly WalletFloorRow[] = [];
  #arrivals = 0;

  load(): RestoredNode {
    return {
      incarnation: this.#incarnation,
      timeFloor: this.#timeFloor,
      epochFloor: this.#epochFloor,
      walletFloors: this.#walletFloors,
      arrivals: this.#arrivals,
      messages: Array.from(this.#messages.values()).sort((a, b) => a.arrival - b.arrival),
      chains: Array.from(this.#chains.values()),
      crls: Array.from(this.#crls.values()),
      revocations: Array.from(this.#revocations.values()),
    };
  }

  /** The same disk once more. */
  copy(): MemoryNodeStore {
    const copy = new MemoryNodeStore();
    copy.#incarnation = this.#incarnation;
    copy.#timeFloor = this.#timeFloor;
    copy.#epochFloor = this.#epochFloor;
    copy.#walletFloors = this.#walletFloors;
    copy.#arrivals = this.#arrivals;
    for (const [arrival, message] of this.#messages) copy.#messages.set(arrival, message);
    for (const [key, chain] of this.#chains) copy.#chains.set(key, chain);
    for (const [key, der] of this.#crls) copy.#crls.set(key, der);
    for (const [key, kept] of this.#revocations) copy.#revocations.set(key, kept);
    return copy;
  }

  read(arrival: number): Bytes | undefined {
    return this.#messages.get(arrival)?.bytes;
  }

  async apply(changes: readonly NodeChange[]): Promise<void> {
    this.applyNow(changes);
  }

  async close(): Promise<void> {}

  /** As {@link apply}, at once: for a world whose time does not pass meanwhile. */
  applyNow(changes: readonly NodeChange[]): void {
    for (const change of changes) this.#apply(change);
  }

  #apply(change: NodeChange): void {
    switch (change.tag) {
      case 'put-message':
        // What is kept must not hold on to the piece of a byte stream that it was cut from.
        this.#messages.set(change.message.arrival, { ...change.message, bytes: change.message.bytes.slice() });
        this.#arrivals = Math.max(this.#arrivals, change.message.arrival + 1);
        return;
      case 'drop-message':
        this.#messages.delete(change.arrival);
        return;
      case 'put-chain':
        this.#chains.set(change.voucherId, change.chain);
        return;
      case 'drop-chain':
        this.#chains.delete(change.voucherId);
        return;
      case 'put-crl':
        this.#crls.set(change.issuerKeyHash, change.der);
        for (const kept of change.kept) this.#revocations.set(`${kept.issuerKeyHash} ${kept.serial}`, kept);
        return;
      case 'drop-revocations':
        for (const serial of change.serials) this.#revocations.delete(`${change.issuerKeyHash} ${serial}`);
        return;
      case 'put-epoch-floor':
        this.#epochFloor = change.epochFloor;
        return;
      case 'put-wallet-floors':
        this.#walletFloors = change.walletFloors;
        return;
      case 'put-time-floor':
        this.#timeFloor = change.timeFloor;
        return;
      case 'put-incarnation':
        this.#incarnation = change.incarnation;
        return;
      case 'put-arrivals':
        this.#arrivals = Math.max(this.#arrivals, change.arrivals);
        return;
    }
  }
}
