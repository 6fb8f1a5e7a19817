import type { NodeId } from '../../identity/node-id.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/** What an operator must be able to see of an attack, at one node at least. */
export type Alarm =
  /** Messages were dropped for this reason. */
  | { readonly tag: 'dropped'; readonly reason: string }
  /** A link with this peer was ended as one that misbehaved. */
  | { readonly tag: 'put-out'; readonly peer: NodeId }
  /** Two contents for one message of this origin, both shown to programs (T24). */
  | { readonly tag: 'conflict'; readonly origin: NodeId }
  /** A node of this identity has met somebody else in its own stream (T24). */
  | { readonly tag: 'double'; readonly origin: NodeId }
  /** Strangers, or members whose certificate does not hold, were refused a handshake. */
  | { readonly tag: 'handshake-refused'; readonly by?: SimulatedNode }
  /** Nobody was to be found at a place, or somebody else. */
  | { readonly tag: 'dial-failed'; readonly by?: SimulatedNode };

/** Attacks must not only fail, they must show: in counters and events of the nodes that met them. */
export class Alarms implements Checker {
  /** Not raised yet. Who is killed counts anew from its next start, so that each is struck out when it is seen. */
  readonly #awaited: Set<Alarm>;
  readonly #nodes = new Set<SimulatedNode>();
  readonly #violations = new Violations();

  constructor(expected: readonly Alarm[]) {
    this.#awaited = new Set(expected);
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True until each has been raised. */
  get isAwaited(): boolean {
    return this.#awaited.size > 0;
  }

  handle(_nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started') this.#nodes.add(event.node);
    if (event.tag !== 'node' || this.#awaited.size === 0) return;
    const told = event.event;
    for (const alarm of this.#awaited) {
      const isConflict = alarm.tag === 'conflict' && told.tag === 'conflict' && told.origin === alarm.origin;
      const isPutOut =
        alarm.tag === 'put-out' && told.tag === 'link-down' && told.why === 'misbehaved' && told.peer === alarm.peer;
      if (isConflict || isPutOut) this.#awaited.delete(alarm);
    }
  }

  turnEnded(_nowMs: number, node: SimulatedNode): void {
    for (const alarm of this.#awaited) if (isCounted(alarm, node)) this.#awaited.delete(alarm);
  }

  finish(nowMs: number): void {
    for (const node of this.#nodes) if (node.isUp) this.turnEnded(nowMs, node);
    for (const alarm of this.#awaited) this.#violations.add(`no node raised an alarm: ${textOf(alarm)}`);
  }
}

/** Whether the counters of this node show it. */
function isCounted(alarm: Alarm, simulated: SimulatedNode): boolean {
  const { dropped, conflicts, handshakesRefused, dialsFailed } = simulated.node.statistics;
  switch (alarm.tag) {
    case 'dropped':
      return (dropped[alarm.reason] ?? 0) > 0;
    case 'put-out':
    case 'conflict':
      return false; // told by an event
    case 'double':
      return simulated.nodeId === alarm.origin && conflicts > 0;
    case 'handshake-refused':
      return (alarm.by ?? simulated) === simulated && handshakesRefused > 0;
    case 'dial-failed':
      return (alarm.by ?? simulated) === simulated && dialsFailed > 0;
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
    case 'double':
      return `somebody else in a stream of ${alarm.origin}`;
    case 'handshake-refused':
      return `handshakes refused${alarm.by === undefined ? '' : ` at ${alarm.by.name}`}`;
    case 'dial-failed':
      return `dials failed${alarm.by === undefined ? '' : ` at ${alarm.by.name}`}`;
  }
}
