import type { Instant } from '../../../src/base/time.ts';
import { DelegateBook, type KnownDelegate } from '../../../src/engine/gate/delegate-book.ts';
import { Origins } from '../../../src/engine/gate/origins.ts';
import { ChainBook } from '../../../src/engine/gate/chain-book.ts';
import { Gate } from '../../../src/engine/gate/gate.ts';
import type { Source } from '../../../src/engine/gate/source.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { RecordBook } from '../../../src/engine/held/record-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import type { Verdict } from '../../../src/engine/gate/verdict.ts';
import type { PublicKey } from '../../../src/crypto/keys/public-key.ts';
import { parseRole } from '../../../src/identity/capability.ts';
import { type NodeId, parseNodeId } from '../../../src/identity/node-id.ts';
import type { Message } from '../../../src/message/message.ts';
import { MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { at, MESH, NOW_MS } from '../../support/mesh/mesh-fixture.ts';

export interface Pending {
  readonly ticket: number;
  readonly key: PublicKey;
  readonly message: Message;
}

export const BOB = { tag: 'link', link: 1, peer: parseNodeId('bob'), bytesLength: 100 } as const satisfies Source;
export const CAROL = { tag: 'link', link: 2, peer: parseNodeId('carol'), bytesLength: 100 } as const satisfies Source;
export const DAVE = { tag: 'link', link: 3, peer: parseNodeId('dave'), bytesLength: 100 } as const satisfies Source;
export const EVE = { tag: 'link', link: 4, peer: parseNodeId('eve'), bytesLength: 100 } as const satisfies Source;

/** A mesh with Ann and Eve, members like others, and a chief, who may give commands. */
export async function gateFixture(): Promise<MeshFixture> {
  const fixture = await MeshFixture.create('fixture', 'ann', 'eve');
  await fixture.enroll('chief', [parseRole('operator')]);
  return fixture;
}

/** A gate with what it asks, and a world that answers when it is told to. */
export class GateBench {
  readonly held = new HeldMessages();
  readonly records = new RecordBook();
  readonly revocations: Revocations;
  readonly chains: ChainBook;
  readonly pending: Pending[] = [];
  readonly verdicts: string[] = [];
  /** Verdicts on bytes that were not even read. */
  unread = 0;
  readonly rejects: Source[] = [];
  /** Who had handed over the same while it was checked, for each message that was accepted. */
  readonly alsoFrom: (readonly NodeId[] | undefined)[] = [];
  readonly missing: Message[] = [];
  readonly newDelegates: KnownDelegate[] = [];
  readonly conflicts: (readonly [kept: string, other: string])[] = [];
  readonly gate: Gate;
  /** The store does not keep up. */
  isFull = false;

  /** @param known whose certificates it has; by default everybody's of {@link gateFixture}. */
  constructor(fixture: MeshFixture, ...known: readonly string[]) {
    const { trust } = fixture.authority;
    this.revocations = new Revocations(trust);
    this.chains = new ChainBook(trust, this.revocations);
    for (const name of known.length === 0 ? ['ann', 'eve', 'chief'] : known)
      this.chains.add(fixture.member(name).chain, NOW_MS);
    const delegates = new DelegateBook(MESH, this.revocations, (nodeId) => this.chains.isRevoked(nodeId), undefined);
    const origins = new Origins(this.chains, delegates);
    this.gate = new Gate(
      { mesh: MESH, origins, held: this.held, records: this.records },
      {
        isFull: () => this.isFull,
        verify: (ticket, key, message) => this.pending.push({ ticket, key, message }),
        judged: (now, source, message, verdict, alsoFrom) => {
          if (verdict.tag === 'accept') this.alsoFrom.push(alsoFrom);
          this.#judged(now, source, message, verdict);
        },
        missingChain: (_now, _source, message) => this.missing.push(message),
        newDelegate: (delegate) => this.newDelegates.push(delegate),
        conflict: (_now, kept, message) => this.conflicts.push([kept, message.contentKey]),
      },
    );
  }

  /** Answers all signature checks with the truth. */
  answer(now: Instant): void {
    for (const { ticket, key, message } of this.pending.splice(0))
      this.gate.handleVerified(now, ticket, key.verify(message.algorithm, message.signedBytes, message.signature));
  }

  /** Hands a message over and answers. @returns the verdict in words. */
  judge(message: Message, source: Source = BOB, now: Instant = at(0)): string {
    const before = this.verdicts.length;
    this.gate.handleBytes(now, message.bytes, source);
    this.answer(now);
    return this.verdicts.slice(before).join(', ');
  }

  #judged(now: Instant, source: Source, message: Message | undefined, verdict: Verdict): void {
    this.verdicts.push(verdict.tag === 'accept' ? 'accept' : `${verdict.tag} ${verdict.reason}`);
    if (message === undefined) this.unread++;
    if (verdict.tag === 'reject') this.rejects.push(source);
    if (verdict.tag !== 'accept' || message === undefined) return;
    this.held.put(message, now.wall);
    if (message.type.family === 'record') this.records.put(message);
  }
}
