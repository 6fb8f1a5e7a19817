import { toHex, utf8 } from '../base/bytes.ts';
import { IncrementalSha256, sha256Hex } from '../crypto/hash.ts';
import type { WorldEvent } from './world-event.ts';

const BLOCK_CHARACTERS = 64 * 1024;

/**
 * The canonical trace of a world: one line an event, `TIME NODE WHAT ...`, times in virtual milliseconds, nodes by
 * index. Only its SHA-256 is kept, so that a run of millions of events costs no memory. Equal arguments give equal
 * traces; two runs that differ in one event differ in the hash.
 */
export class Trace {
  readonly #hash = new IncrementalSha256();
  #block = '';

  add(nowMs: number, event: WorldEvent): void {
    this.#block += `${nowMs} ${lineOf(event)}\n`;
    if (this.#block.length >= BLOCK_CHARACTERS) this.#flush();
  }

  /** Hex; ends the trace. */
  digest(): string {
    this.#flush();
    return toHex(this.#hash.digest());
  }

  #flush(): void {
    this.#hash.update(utf8(this.#block));
    this.#block = '';
  }
}

function lineOf(event: WorldEvent): string {
  switch (event.tag) {
    case 'started':
      return `${event.node.index} started ${event.node.nodeId}`;
    case 'stopped':
      return `${event.node.index} stopped`;
    case 'asked':
      return `${event.node.index} asked ${event.request} ${event.origin} ${sha256Hex(event.payload)}`;
    case 'acknowledged':
      return `${event.node.index} acknowledged ${event.messageId}`;
    case 'refused':
      return `${event.node.index} refused ${event.code}`;
    case 'revoked':
      return `- revoked ${event.crlNumber} ${[...event.nodeIds].join(' ')}`;
    case 'clock':
      return `${event.node.index} clock ${event.aheadMs}`;
    case 'partitioned':
      return `- partitioned ${event.islands}`;
    case 'healed':
      return '- healed';
    case 'node':
      return `${event.node.index} ${nodeLineOf(event)}`;
  }
}

function nodeLineOf({ event }: Extract<WorldEvent, { tag: 'node' }>): string {
  switch (event.tag) {
    case 'link-up':
      return `link-up ${event.peer} ${event.direction}`;
    case 'link-down':
      return `link-down ${event.peer} ${event.why}`;
    case 'message':
      return `message ${event.held.id} ${event.held.contentKey}`;
    case 'crl':
      return `crl ${event.issuerKeyHash} ${event.number}`;
    case 'conflict':
      return `conflict ${event.messageId} ${event.kept.contentKey} ${event.refused.contentKey}`;
  }
}
