import { type Bytes, utf8 } from '../../src/base/bytes.ts';
import { HOUR_MS, type Instant, type MonotonicMs, type UnixMs } from '../../src/base/time.ts';
import { checkX509Signature } from '../../src/crypto/x509-signature.ts';
import type { Role } from '../../src/identity/capability.ts';
import { parseMeshName } from '../../src/identity/mesh-name.ts';
import { parseAudience } from '../../src/message/audience.ts';
import { composeBatch } from '../../src/message/batch.ts';
import { parseMessageType } from '../../src/message/family.ts';
import { assembleMessage, type ComposedMessage, composeMessage, type Message } from '../../src/message/message.ts';
import { SeededRandom } from '../../src/sim/seeded-random.ts';
import { SimulatedAuthority, type SimulatedIdentity } from '../../src/sim/simulated-authority.ts';

export const MESH = parseMeshName('depot');
/** When the fixture's certificates were issued: a whole second. */
export const NOW_MS = Date.UTC(2027, 0, 15, 8) as UnixMs;

/** This long after {@link NOW_MS}, on both clocks. */
export function at(ms: number): Instant {
  return { mono: (1_000_000 + ms) as MonotonicMs, wall: (NOW_MS + ms) as UnixMs };
}

export interface Said {
  readonly type?: string;
  readonly payload?: Uint8Array;
  readonly incarnation?: number;
  readonly counter?: number;
  readonly issuedAt?: number;
  readonly expiresAt?: number;
  readonly audience?: string;
  /** In whose name, where it is not the signer's own. */
  readonly origin?: string;
  /** A signature that is not right. */
  readonly forged?: boolean;
}

export const INDICATOR = utf8('{"kind":"hash","value":"00ff","risk":50}');

/** An authority and members of its mesh, all from fixed keys. */
export class MeshFixture {
  readonly authority: SimulatedAuthority;
  readonly #members = new Map<string, SimulatedIdentity>();

  private constructor(authority: SimulatedAuthority) {
    this.authority = authority;
  }

  /** @param seed another gives an authority that the first does not know. */
  static async create(seed = 'fixture', ...members: readonly string[]): Promise<MeshFixture> {
    const random = new SeededRandom(seed);
    const fixture = new MeshFixture(await SimulatedAuthority.create(MESH, seed, random, NOW_MS, checkX509Signature));
    for (const name of members) await fixture.enroll(name);
    return fixture;
  }

  async enroll(name: string, roles: readonly Role[] = [], issuedAt: UnixMs = NOW_MS): Promise<SimulatedIdentity> {
    const identity = await this.authority.enroll(name, issuedAt, roles);
    this.#members.set(name, identity);
    return identity;
  }

  member(name: string): SimulatedIdentity {
    const identity = this.#members.get(name);
    if (identity === undefined) throw new Error(`no member ${name}`);
    return identity;
  }

  /** A message of this member, signed; an indicator of one hour where nothing else is said. */
  message(name: string, said: Said = {}): Message {
    const { signer } = this.member(name);
    const composed = this.composed(name, said);
    return assembleMessage(composed, forgedIf(said.forged, signer.signSync(composed.toBeSigned)));
  }

  /** Messages that share a signature. */
  batch(name: string, said: readonly Said[], forged?: boolean): readonly Message[] {
    const batch = composeBatch(
      MESH,
      said.map((one) => this.composed(name, one)),
    );
    return batch.assemble(forgedIf(forged, this.member(name).signer.signSync(batch.toBeSigned)));
  }

  composed(name: string, said: Said = {}): ComposedMessage {
    const { nodeId, signer, chain } = this.member(name);
    const { type = 'indicator', counter = 0, issuedAt = NOW_MS, audience, origin = nodeId } = said;
    const leaf = chain[0];
    if (leaf === undefined) throw new Error('a chain has a leaf');
    const messageType = parseMessageType(type);
    return composeMessage(MESH, {
      algorithm: signer.algorithm,
      type: messageType,
      contentType: messageType.contentType,
      origin: origin as typeof nodeId,
      audience: audience === undefined ? undefined : parseAudience(audience),
      incarnation: said.incarnation ?? 1,
      counter,
      issuedAt: issuedAt as UnixMs,
      expiresAt: (said.expiresAt ?? issuedAt + HOUR_MS) as UnixMs,
      leafHash: leaf.fingerprint,
      payload: said.payload ?? INDICATOR,
    });
  }
}

function forgedIf(forged: boolean | undefined, signature: Bytes): Bytes {
  if (forged === true) signature[0] = (signature[0] as number) ^ 1;
  return signature;
}
