import { generateKeyPairSync, sign, verify } from 'node:crypto';

/** CPU time that this process has used, all of its threads, user and system. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU time that the work takes. Beside wall time it says the same on a machine that others use as well. */
export async function cpuMicrosOf(work: () => Promise<void> | void): Promise<number> {
  const before = cpuMicros();
  await work();
  return cpuMicros() - before;
}

/** What each of one kind of step costs, from many of them. */
export function cpuMicrosEach(count: number, step: (i: number) => unknown): number {
  const before = cpuMicros();
  for (let i = 0; i < count; i++) step(i);
  return (cpuMicros() - before) / count;
}

/** Steps for a figure that is good to a per cent: some 50 ms. */
const CHECKS = 1_000;

/** The two primitives that other figures are held against: P-256 with SHA-256, over so many bytes, on this very machine. */
export class P256 {
  readonly #data: Uint8Array;
  readonly #pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  readonly #signature: Uint8Array;

  constructor(bytes: number) {
    this.#data = new Uint8Array(bytes).fill(7);
    this.#signature = this.#sign();
    this.verifyMicros(); // warms up
    this.signMicros();
  }

  verifyMicros(): number {
    const key = { key: this.#pair.publicKey, dsaEncoding: 'ieee-p1363' as const };
    return cpuMicrosEach(CHECKS, () => verify('sha256', this.#data, key, this.#signature));
  }

  signMicros(): number {
    return cpuMicrosEach(CHECKS, () => this.#sign());
  }

  #sign(): Uint8Array {
    return sign('sha256', this.#data, { key: this.#pair.privateKey, dsaEncoding: 'ieee-p1363' });
  }
}
