import assert from 'node:assert/strict';
import type { Instant } from '../../../src/base/time.ts';
import { ChainBook } from '../../../src/engine/gate/chain-book.ts';
import { DelegateBook, type KnownDelegate } from '../../../src/engine/gate/delegate-book.ts';
import { Gate } from '../../../src/engine/gate/gate.ts';
import type { Source } from '../../../src/engine/gate/source.ts';
import { HeldMessages } from '../../../src/engine/held/held-messages.ts';
import { Origins } from '../../../src/engine/gate/origins.ts';
import { RecordBook } from '../../../src/engine/held/record-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import type { Message } from '../../../src/message/message.ts';
import type { AddScalarToPoint } from '../../../src/ports/point-adder.ts';
import type { MeshFixture } from '../../support/mesh/mesh-fixture.ts';
import { at, MESH, NOW_MS } from '../../support/mesh/mesh-fixture.ts';
import { BOB } from './gate-bench.ts';

/** A gate whose signatures are checked at once. */
export class DelegateBench {
  readonly held = new HeldMessages();
  readonly revocations: Revocations;
  readonly chains: ChainBook;
  readonly delegates: DelegateBook;
  readonly origins: Origins;
  readonly missing: Message[] = [];
  readonly kept: KnownDelegate[] = [];
  readonly forgotten: string[] = [];
  readonly gate: Gate;
  #said: string[] = [];

  constructor(
    fixture: MeshFixture,
    lists: readonly Uint8Array[],
    members: readonly string[] = ['ann', 'chief'],
    add?: AddScalarToPoint,
  ) {
    const { trust } = fixture.authority;
    this.revocations = new Revocations(trust);
    this.chains = new ChainBook(trust, this.revocations);
    this.delegates = new DelegateBook(MESH, this.revocations, (nodeId) => this.chains.isRevoked(nodeId), add);
    this.origins = new Origins(this.chains, this.delegates);
    for (const name of members) this.chains.add(fixture.member(name).chain, NOW_MS);
    for (const list of lists) assert.equal(this.revocations.install(list).tag, 'installed');
    this.gate = new Gate(
      { mesh: MESH, origins: this.origins, held: this.held, records: new RecordBook() },
      {
        isFull: () => false,
        verify: (ticket, key, message) =>
          this.gate.handleVerified(
            at(0),
            ticket,
            key.verify(message.algorithm, message.signedBytes, message.signature),
          ),
        judged: (now, _source, message, verdict) => {
          this.#said.push(verdict.tag === 'accept' ? 'accept' : `${verdict.tag} ${verdict.reason}`);
          if (verdict.tag === 'accept' && message !== undefined) this.held.put(message, now.wall);
        },
        missingChain: (_now, _source, message) => {
          this.#said.push('missing');
          this.missing.push(message);
        },
        newDelegate: (delegate, forgotten) => {
          this.kept.push(delegate);
          this.forgotten.push(...forgotten);
        },
        conflict: () => this.#said.push('conflict'),
      },
    );
  }

  judge(message: Message, source: Source = BOB, now: Instant = at(0)): string {
    this.#said = [];
    this.gate.handleBytes(now, message.bytes, source);
    return this.#said.join(', ');
  }
}
