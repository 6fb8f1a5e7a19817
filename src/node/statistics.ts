import type { Verdict } from '../engine/gate/verdict.ts';

/** What a node has counted since it started: drops with their reasons, deliveries, links. */
export class Statistics {
  accepted = 0;
  published = 0;
  conflicts = 0;
  linksUp = 0;
  linksDown = 0;
  dialsFailed = 0;
  handshakesRefused = 0;
  readonly #dropped = new Map<string, number>();

  countVerdict(verdict: Verdict): void {
    if (verdict.tag === 'accept') {
      this.accepted++;
      return;
    }
    this.#dropped.set(verdict.reason, (this.#dropped.get(verdict.reason) ?? 0) + 1);
  }

  /** Messages not taken, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }
}
