import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** What an operator must be able to see of an attack, at one node at least. */
export type Alarm =
  /** Messages were dropped for this reason. */
  | { readonly tag: 'dropped'; readonly reason: string }
  /** A link with this peer was ended as one that misbehaved. */
  | { readonly tag: 'put-out'; readonly peer: NodeId }
  /** Two contents for one message of this origin, or somebody else in its stream (T24). */
  | { readonly tag: 'conflict'; readonly origin: NodeId }
  /** Strangers, or members whose certificate does not hold, were refused a handshake. */
  | { readonly tag: 'handshake-refused'; readonly by?: SimulatedNode }
  /** Nobody was to be found at a place, or somebody else. */
  | { readonly tag: 'dial-failed'; readonly by?: SimulatedNode };

/** Attacks must not only fail, they must show: in counters and events of the nodes that met them. */
export class Alarms implements Checker {
  readonly #expected: readonly Alarm[];
  readonly #nodes: readonly SimulatedNode[];
  readonly #putOut = new Set<NodeId>();
  readonly #inConflict = new Set<NodeId>();
  readonly #violations = new Violations();

  constructor(nodes: readonly SimulatedNode[], expected: readonly Alarm[]) {
    this.#nodes = nodes;
    this.#expected = expected;
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag !== 'node') return;
    if (event.event.tag === 'conflict') this.#inConflict.add(event.event.origin);
    if (event.event.tag === 'link-down' && event.event.why === 'misbehaved') this.#putOut.add(event.event.peer);
  }

  finish(): void {
    for (const alarm of this.#expected)
      if (!this.#isRaised(alarm)) this.#violations.add(`no node raised an alarm: ${textOf(alarm)}`);
  }

  #isRaised(alarm: Alarm): boolean {
    switch (alarm.tag) {
      case 'dropped':
        return this.#anyOf(undefined, ({ node }) => (node.statistics.dropped[alarm.reason] ?? 0) > 0);
      case 'put-out':
        return this.#putOut.has(alarm.peer);
      case 'conflict':
        return (
          this.#inConflict.has(alarm.origin) ||
          this.#anyOf(undefined, ({ node, nodeId }) => nodeId === alarm.origin && node.statistics.conflicts > 0)
        );
      case 'handshake-refused':
        return this.#anyOf(alarm.by, ({ node }) => node.statistics.handshakesRefused > 0);
      case 'dial-failed':
        return this.#anyOf(alarm.by, ({ node }) => node.statistics.dialsFailed > 0);
    }
  }

  #anyOf(one: SimulatedNode | undefined, isSo: (node: SimulatedNode) => boolean): boolean {
    return (one === undefined ? this.#nodes : [one]).some((node) => node.isUp && isSo(node));
  }
}

function textOf(alarm: Alarm): string {
  switch (alarm.tag) {
    case 'dropped':
      return `messages dropped as ${alarm.reason}`;
    case 'put-out':
      return `${alarm.peer} put out as one that misbehaves`;
    case 'conflict':
      return `two contents for one message of ${alarm.origin}`;
    case 'handshake-refused':
      return `handshakes refused${alarm.by === undefined ? '' : ` at ${alarm.by.name}`}`;
    case 'dial-failed':
      return `dials failed${alarm.by === undefined ? '' : ` at ${alarm.by.name}`}`;
  }
}
