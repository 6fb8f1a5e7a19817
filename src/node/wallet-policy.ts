import { MeshError, quoted } from '../base/errors.ts';
import { permits, type Scope, scopeOf } from '../identity/delegate/scope.ts';
import type { NodeId } from '../identity/node-id.ts';
import { type MessageType, topicOf } from '../message/family.ts';

/** Entries of a node's policy: one for each wallet that a list can let speak, and one for all others. */
export const WALLET_ENTRIES_MAX = 65;

/** The name of an origin that is a wallet: no ticket grants such a name. */
const WALLET_ID = /^0x[0-9a-f]{40}$/;

/** Stands for every wallet that has no entry of its own. */
const ANY = '*';

/**
 * Which wallets a node obeys, of those that the mesh lets speak. What the others' devices say is judged, held and passed on
 * like everything, for it may be meant for nodes that obey them; programs on this node do not hear of it.
 */
export class WalletPolicy {
  /** By address; `undefined`: all that the mesh permits the wallet. */
  readonly #entries: ReadonlyMap<string, Scope | undefined>;

  private constructor(entries: ReadonlyMap<string, Scope | undefined>) {
    this.#entries = entries;
  }

  /**
   * @param texts `ADDRESS` or `*`, and behind it, with blanks between, what it may do here at most; without, whatever the
   *   mesh permits it.
   * @throws ERR_INPUT, ERR_DELEGATE_SCOPE
   */
  static parse(texts: readonly string[]): WalletPolicy {
    const entries = new Map<string, Scope | undefined>();
    for (const text of texts) {
      const [address = '', ...scope] = text.trim().split(/ +/);
      const id = address.toLowerCase();
      if (id !== ANY && !WALLET_ID.test(id))
        throw new MeshError('ERR_INPUT', `${quoted(address)} is no wallet: expected 0x and 40 hex digits, or *`);
      if (entries.has(id)) throw new MeshError('ERR_INPUT', `wallet ${quoted(address)} stands there twice`);
      entries.set(id, scope.length === 0 ? undefined : scopeOf(scope));
    }
    return new WalletPolicy(entries);
  }

  /** Whether this origin's message has effect here. Nodes and their devices are no wallets: the policy says nothing of them. */
  hears(origin: NodeId, type: MessageType): boolean {
    if (!WALLET_ID.test(origin)) return true;
    const entry = this.#entries.has(origin) ? origin : ANY;
    if (!this.#entries.has(entry)) return false;
    const scope = this.#entries.get(entry);
    const needed = type.capability(type.text);
    return scope === undefined || (needed !== undefined && permits(scope, needed, topicOf(type)));
  }
}

/** Of a node that nobody told otherwise: whatever the mesh permits. */
export const HEAR_ALL_WALLETS = WalletPolicy.parse([ANY]);
