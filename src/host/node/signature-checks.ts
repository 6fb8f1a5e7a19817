import type { PublicKey } from '../../crypto/keys/public-key.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';

/** Signatures checked within one turn: some 3 ms in which the process answers nobody. @tuning */
const CHECKED_IN_TURN_MAX = 64;
/** Checks that wait for the next turns; what is beyond them goes to other threads, where other cores may help. @tuning */
const CHECKED_IN_NEXT_TURNS_MAX = 4 * CHECKED_IN_TURN_MAX;

/**
 * Of one author before it is the next one's turn: what came together, or is said here at once, stays together, and goes on
 * and into the store together. One by one cost twice as many commits. @tuning
 */
export const CHECKED_IN_A_ROW = 16;

interface Asked {
  readonly ticket: number;
  readonly key: PublicKey;
  readonly message: Message;
}

/**
 * Signature checks that a node asked for in a turn of the event loop. On the way to another thread and back a check costs
 * a quarter more, so what is beyond {@link CHECKED_IN_TURN_MAX} waits for the next turns first. Where some wait, authors
 * take turns: who says two thousand things at once holds up nobody else (T3).
 */
export class SignatureChecks {
  readonly #answer: (ticket: number, ok: boolean) => void;
  #asked: Asked[] = [];

  /** @param answer called once for each check, at any later time; must not throw. */
  constructor(answer: (ticket: number, ok: boolean) => void) {
    this.#answer = answer;
  }

  /** Whether any wait for the next turn. */
  get isWaiting(): boolean {
    return this.#asked.length > 0;
  }

  add(ticket: number, key: PublicKey, message: Message): void {
    this.#asked.push({ ticket, key, message });
  }

  /** The turn's share. */
  run(): void {
    if (this.#asked.length > CHECKED_IN_TURN_MAX) this.#asked = authorsInTurn(this.#asked);
    const asked = this.#asked;
    if (asked.length === 0) return;
    const checkedNow = asked.splice(0, CHECKED_IN_TURN_MAX);
    const beyond = asked.splice(CHECKED_IN_NEXT_TURNS_MAX);
    for (const { ticket, key, message } of beyond)
      void key
        .verifyAsync(message.algorithm, message.signedBytes, message.signature)
        .then((ok) => this.#answer(ticket, ok));
    for (const { ticket, key, message } of checkedNow)
      this.#answer(ticket, key.verify(message.algorithm, message.signedBytes, message.signature));
  }
}

/** The first few of each author, then the next few of each, and so on. */
function authorsInTurn(asked: readonly Asked[]): Asked[] {
  const counts = new Map<NodeId, number>();
  const rounds: Asked[][] = [];
  for (const each of asked) {
    const { origin } = each.message;
    const count = counts.get(origin) ?? 0;
    counts.set(origin, count + 1);
    (rounds[Math.floor(count / CHECKED_IN_A_ROW)] ??= []).push(each);
  }
  return rounds.flat();
}
