import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import { type Capability, grants } from '../../identity/capability.ts';
import { isScopeWithin, permits } from '../../identity/delegate/scope.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type MessageType, topicOf } from '../../message/family.ts';
import type { Message } from '../../message/message.ts';
import type { ChainBook, KnownChain } from './chain-book.ts';
import type { DelegateBook } from './delegate-book.ts';

/** One who is believed. */
export interface Speaker {
  readonly tag: 'ok';
  /** Whose signature a stream of this incarnation needs. Of a subtree it costs as much as half a check: ask late. */
  keyOf(incarnation: number): PublicKey;
  /** The capability that this type needs and the origin has not; `undefined` where it may. */
  lacks(type: MessageType): string | undefined;
}

/** Who may have said a message, whoever vouches for the key that signed it. */
export type OriginVerdict =
  | Speaker
  | { readonly tag: 'unknown' }
  /** Of a delegate with what is wrong with it; of a certificate without. */
  | { readonly tag: 'revoked'; readonly why?: MeshError }
  | { readonly tag: 'unpublished'; readonly why: MeshError }
  | { readonly tag: 'refused'; readonly why: MeshError | string };

/** What of a message tells who signed it. */
export type Signed = Pick<Message, 'origin' | 'voucherId' | 'issuedAt' | 'delegate'>;

/** Certificates and delegates behind one question: whose key is it, and what may it say (spec 03 section 6). */
export class Origins {
  readonly chains: ChainBook;
  readonly delegates: DelegateBook;

  constructor(chains: ChainBook, delegates: DelegateBook) {
    this.chains = chains;
    this.delegates = delegates;
  }

  judge(message: Signed): OriginVerdict {
    return message.delegate === undefined ? this.#judgeChain(message) : this.#judgeDelegate(message);
  }

  /** As {@link judge}, of a message that is held: its hash tells by itself what it is the hash of. */
  judgeHeld({ origin, voucherId, issuedAt }: { origin: NodeId; voucherId: string; issuedAt: UnixMs }): OriginVerdict {
    const signed = { origin, voucherId, issuedAt, delegate: undefined };
    return this.delegates.get(voucherId) === undefined ? this.#judgeChain(signed) : this.#judgeDelegate(signed);
  }

  #judgeChain(message: Signed): OriginVerdict {
    const judged = this.chains.judgeOrigin(message);
    if (judged.tag === 'refused') return { tag: 'refused', why: judged.detail };
    if (judged.tag !== 'ok') return judged;
    return new CertifiedSpeaker(judged.chain, judged.capabilities);
  }

  #judgeDelegate({ voucherId, origin, issuedAt }: Signed): OriginVerdict {
    const judged = this.delegates.judge(voucherId, origin, issuedAt);
    if (judged.tag !== 'ok') return judged;
    const { keys, scope } = judged;
    // The node was enrolled anew for less. Neighbours may not have seen that certificate yet: it is no fault of theirs.
    const own = this.chains.permittedTo(origin);
    if (own !== undefined && !isScopeWithin(scope, own))
      return {
        tag: 'unpublished',
        why: new MeshError('ERR_DELEGATE_SCOPE', `the delegate permits more than the newest certificate of ${origin}`),
      };
    return {
      tag: 'ok',
      keyOf: (incarnation) => keys.of(incarnation),
      lacks: (type) => {
        const needed = neededBy(type);
        // What every member may say of itself, its record, nobody may say for it.
        return needed === undefined || !permits(scope, needed, topicOf(type)) ? (needed ?? type.text) : undefined;
      },
    };
  }
}

/** One who signs with the key of a certificate. Asked for twice a message, so it is one small object. */
class CertifiedSpeaker implements Speaker {
  readonly tag = 'ok';
  readonly #chain: KnownChain;
  readonly #capabilities: readonly Capability[];

  constructor(chain: KnownChain, capabilities: readonly Capability[]) {
    this.#chain = chain;
    this.#capabilities = capabilities;
  }

  keyOf(): PublicKey {
    return this.#chain.publicKey;
  }

  lacks(type: MessageType): string | undefined {
    const needed = neededBy(type);
    return needed === undefined || grants(this.#capabilities, needed) ? undefined : needed;
  }
}

function neededBy(type: MessageType): string | undefined {
  return type.capability(type.text);
}
