import { type Bytes, toHex } from '../../base/bytes.ts';
import { SECOND_MS } from '../../base/time.ts';
import type { PublicKey } from '../../crypto/keys/public-key.ts';
import { sha256 } from '../../crypto/hash.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { FUTURE_MAX_MS, LIFETIME_MAX_MS } from '../../message/limits.ts';
import type { Message } from '../../message/message.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

interface Member {
  readonly nodeId: NodeId;
  readonly chain: readonly Certificate[];
}

/** A message is judged before its signature is checked, and may end meanwhile. @tuning */
const CHECK_MS_MAX = SECOND_MS;

/**
 * No node accepts in anybody's name what he has not said: of an honest origin, what no program there wanted said, and no
 * record that is not its own; of a hostile one, what its key has not signed. Nor does any accept what has ended by its own
 * clock, comes from the future, or lives too long.
 */
export class Genuine implements Checker {
  readonly #keys: ReadonlyMap<NodeId, PublicKey>;
  readonly #verify: (key: PublicKey, message: Message) => boolean;
  /** What programs wanted said, and in whose name. */
  readonly #asked = new Set<string>();
  /** Honest machines by their identity: a clone makes two of one. */
  readonly #machines = new Map<NodeId, Set<SimulatedNode>>();
  /** What was found of each content when it was accepted first; `undefined` for nothing. */
  readonly #faults = new Map<string, string | undefined>();
  readonly #violations = new Violations();

  /** @param verify asked once for each content, whatever the nodes were told. */
  constructor(members: Iterable<Member>, verify: (key: PublicKey, message: Message) => boolean) {
    this.#keys = new Map(
      Array.from(members, ({ nodeId, chain: [leaf] }) => [nodeId, (leaf as Certificate).publicKey] as const),
    );
    this.#verify = verify;
  }

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started') {
      const machines = this.#machines.get(event.node.nodeId);
      if (machines === undefined) this.#machines.set(event.node.nodeId, new Set([event.node]));
      else machines.add(event.node);
    }
    if (event.tag === 'asked' && !event.isUnlawful) this.#asked.add(keyOf(event.origin, event.payload));
    if (event.tag !== 'node' || event.event.tag !== 'message') return;
    const { held, message } = event.event;
    const { contentKey, id } = held;
    if (!this.#faults.has(contentKey)) this.#faults.set(contentKey, this.#faultOf(message));
    const fault = this.#faults.get(contentKey) ?? untimely(message, event.node);
    if (fault !== undefined) this.#violations.add(`${event.node.name} accepted ${id} at ${nowMs} ms, ${fault}`);
  }

  #faultOf(message: Message): string | undefined {
    const { origin, payload, type, delegate } = message;
    const machines = this.#machines.get(origin);
    const key = this.#keys.get(origin);
    if (type.family === 'record' && machines !== undefined) {
      if (![...machines].some((machine) => isRecordOf(machine, message))) return 'a record that its node has not made';
    } else if (machines !== undefined || delegate !== undefined) {
      if (!this.#asked.has(keyOf(origin, payload))) return 'which no program there wanted said, or might say';
    }
    if (delegate !== undefined) return undefined; // a key of its own
    return key !== undefined && this.#verify(key, message) ? undefined : 'which its origin has not signed';
  }
}

function isRecordOf({ name, address }: SimulatedNode, { content }: Message): boolean {
  return (
    content.tag === 'record' &&
    content.record.name === name &&
    content.record.addresses.every((place) => place === address)
  );
}

function untimely({ issuedAt, expiresAt }: Message, node: SimulatedNode): string | undefined {
  const { wall } = node.instant();
  if (expiresAt + CHECK_MS_MAX <= wall) return 'which had ended';
  if (issuedAt > wall + FUTURE_MAX_MS + CHECK_MS_MAX) return 'which comes from the future';
  if (expiresAt - issuedAt > LIFETIME_MAX_MS) return 'which lives too long';
  return undefined;
}

function keyOf(origin: NodeId, payload: Bytes): string {
  return `${origin} ${toHex(sha256(payload))}`;
}
