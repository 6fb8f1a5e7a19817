import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Bytes, utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, type Instant, type MonotonicMs, type UnixMs } from '../../../src/base/time.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { openDelegateSigner } from '../../../src/daemon/delegate/files.ts';
import { type DelegateSigner, generateDelegateKey } from '../../../src/daemon/delegate/signer.ts';
import type { DelegateCurve } from '../../../src/identity/delegate/delegate-key.ts';
import type { Delegations } from '../../../src/identity/delegate/delegations.ts';
import { scopeOf } from '../../../src/identity/delegate/scope.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { parseStatement } from '../../../src/message/delegate-statement.ts';
import type { StatementWish } from '../../../src/sim/members/simulated-tree.ts';
import type { Role } from '../../../src/identity/capability.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseAudience } from '../../../src/message/audience.ts';
import { composeBatch } from '../../../src/message/batch.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import { assembleMessage, type ComposedMessage, composeMessage, type Message } from '../../../src/message/message.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { SimulatedAuthority, type SimulatedIdentity } from '../../../src/sim/members/simulated-authority.ts';

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

/** A device with a key of its own. */
export interface DelegateFixture {
  readonly signer: DelegateSigner;
  readonly statement: Uint8Array;
}

const ALGORITHMS = { 'P-256': 'ES256', Ed25519: 'Ed25519', secp256k1: 'ES256K' } as const;

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

  /** A new key of a device that speaks for this member, and what the authority says of it. */
  delegate(
    name: string,
    wish: Partial<StatementWish> & { readonly curve?: DelegateCurve; readonly keyFile?: string } = {},
  ): DelegateFixture {
    const { curve = 'P-256', keyFile = generateDelegateKey(curve), ...rest } = wish;
    const path = join(mkdtempSync(join(tmpdir(), 'chainmail-test-')), 'key');
    try {
      writeFileSync(path, keyFile, { mode: 0o600 });
      const signer = openDelegateSigner(path);
      const statement = this.authority.tree.statement({
        nodeId: this.member(name).nodeId,
        key: signer.key,
        scope: scopeOf(['publish:sensor/*']),
        notBefore: NOW_MS,
        notAfter: (NOW_MS + DAY_MS) as UnixMs,
        ...rest,
      });
      return { signer, statement };
    } finally {
      rmSync(dirname(path), { recursive: true });
    }
  }

  /** Publishes branches of these epochs. @returns the list, DER. */
  publish(delegations: Partial<Delegations> = {}, epochs: readonly number[] = [1]): Promise<Uint8Array> {
    const { tree } = this.authority;
    const branches = epochs.map((epoch) => tree.branch(epoch, NOW_MS, (NOW_MS + 365 * DAY_MS) as UnixMs));
    this.authority.delegations = { epochFloor: 0, branches, wallets: [], ...delegations };
    return this.authority.revokeDelegates([], NOW_MS);
  }

  /** A message that a delegate signed, with its statement where it is the first of its stream. */
  delegated({ signer, statement }: DelegateFixture, said: Said & { readonly byHash?: boolean } = {}): Message {
    const { counter = 0, issuedAt = NOW_MS } = said;
    const type = parseMessageType(said.type ?? 'sensor/temperature');
    const composed = composeMessage(MESH, {
      algorithm: ALGORITHMS[signer.key.curve],
      type,
      contentType: type.contentType,
      origin: (said.origin ?? parseStatement(MESH, statement).nodeId) as NodeId,
      audience: undefined,
      incarnation: said.incarnation ?? 1,
      counter,
      issuedAt: issuedAt as UnixMs,
      expiresAt: (said.expiresAt ?? issuedAt + HOUR_MS) as UnixMs,
      voucherHash: sha256(statement),
      delegate: { statement: said.byHash === true ? undefined : statement },
      payload: said.payload ?? utf8('21'),
    });
    const signature = signer.sign(composed.toBeSigned, said.incarnation ?? 1);
    if (said.forged === true) signature[0] = (signature[0] as number) ^ 1;
    return assembleMessage(composed, signature);
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
      voucherHash: leaf.fingerprint,
      payload: said.payload ?? INDICATOR,
    });
  }
}

function forgedIf(forged: boolean | undefined, signature: Bytes): Bytes {
  if (forged === true) signature[0] = (signature[0] as number) ^ 1;
  return signature;
}
