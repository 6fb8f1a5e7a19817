import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import type { NodeRecord } from '../../message/payloads/node-record.ts';
import type { RecordSequences } from '../gate/steps.ts';

/** A node's newest record, and the message that proves it. */
export interface KnownRecord {
  readonly nodeId: NodeId;
  readonly contentKey: string;
  readonly incarnation: number;
  readonly counter: number;
  readonly record: NodeRecord;
}

/** The newest record of each node: highest incarnation and counter wins, only the subject signs (seed 002). */
export class RecordBook implements RecordSequences {
  readonly #records = new Map<NodeId, KnownRecord>();

  get size(): number {
    return this.#records.size;
  }

  get(nodeId: NodeId): KnownRecord | undefined {
    return this.#records.get(nodeId);
  }

  values(): IterableIterator<KnownRecord> {
    return this.#records.values();
  }

  isSuperseded({ type, origin, incarnation, counter }: Message): boolean {
    const known = type.family === 'record' ? this.#records.get(origin) : undefined;
    if (known === undefined) return false;
    return incarnation < known.incarnation || (incarnation === known.incarnation && counter < known.counter);
  }

  /** Takes a record that the gate accepted. @returns the older record that it replaces. */
  put(message: Message): KnownRecord | undefined {
    const { origin, contentKey, incarnation, counter, content } = message;
    const before = this.#records.get(origin);
    if (content.tag === 'record')
      this.#records.set(origin, { nodeId: origin, contentKey, incarnation, counter, record: content.record });
    return before;
  }

  /** The record with this content has ended or its node is revoked. */
  drop(contentKey: string, nodeId: NodeId): void {
    if (this.#records.get(nodeId)?.contentKey === contentKey) this.#records.delete(nodeId);
  }
}
