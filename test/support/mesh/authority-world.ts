import { Authority } from '../../../src/authority/authority.ts';
import { createIssuer, type Issuer } from '../../../src/authority/issuer.ts';
import type { KeyTree } from '../../../src/authority/delegates/key-tree.ts';
import { type AuthorityPolicy, POLICY_DEFAULTS } from '../../../src/authority/policy.ts';
import { checkTicketWish } from '../../../src/authority/enrollment/ticket.ts';
import { DAY_MS, HOUR_MS, type Instant, type MonotonicMs, type UnixMs } from '../../../src/base/time.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, type Signer, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { buildCsr } from '../../../src/pki/x509/certificate/csr.ts';
import { buildIntermediate, buildRoot } from '../../../src/pki/mesh/issuer-profile.ts';
import type { AuditRow } from '../../../src/ports/authority/audit.ts';
import type { AuthorityStore } from '../../../src/ports/authority-store.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { MemoryAuthorityStore } from '../stores/memory-authority-store.ts';

/** A clock that stands still until it is told. */
export class HandClock implements Clock {
  #mono = 1_000;
  #wall: number;

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  monotonic(): MonotonicMs {
    return this.#mono as MonotonicMs;
  }

  wall(): UnixMs {
    return this.#wall as UnixMs;
  }

  now(): Instant {
    return { mono: this.monotonic(), wall: this.wall() };
  }

  /** Time passes. */
  pass(ms: number): void {
    this.#mono += ms;
    this.#wall += ms;
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

export interface WorldOptions {
  readonly mesh?: string;
  readonly policy?: Partial<AuthorityPolicy>;
  readonly store?: AuthorityStore;
  readonly clock?: HandClock;
  readonly tree?: KeyTree;
  /** Of an authority that was opened before on the same store. */
  readonly issuer?: Issuer;
}

/** An authority of its own on a memory store, with what a test needs to play operator and node. */
export async function authorityWorld(options: WorldOptions = {}) {
  const {
    mesh: meshText = 'depot',
    policy = {},
    store = new MemoryAuthorityStore(),
    clock = new HandClock(),
  } = options;
  const mesh = parseMeshName(meshText);
  const rootSigner = newSigner();
  const signer = newSigner();
  const issuedAt = clock.wall();
  const serial = (): Uint8Array => systemRandom.bytes(16);
  const root = parseCertificate(
    await buildRoot({ mesh, serial: serial(), validity: { issuedAt, lifeMs: 3_650 * DAY_MS } }, rootSigner),
  );
  const intermediate = parseCertificate(
    await buildIntermediate(
      { mesh, serial: serial(), validity: { issuedAt, lifeMs: 1_826 * DAY_MS }, issuer: root, spki: signer.spki },
      rootSigner,
    ),
  );
  const issuer = options.issuer ?? createIssuer(mesh, intermediate, root, signer);
  const open = (overrides: Partial<AuthorityPolicy> = {}): Promise<Authority> =>
    Authority.open({
      issuer,
      store,
      clock,
      random: systemRandom,
      policy: { ...POLICY_DEFAULTS, ...policy, ...overrides },
      tree: options.tree,
    });
  const authority = await open();
  return { authority, open, store, clock, issuer, mesh };
}

export function newSigner(kind: 'P-256' | 'Ed25519' = 'P-256'): Signer {
  return softwareSigner(generatePkcs8(kind));
}

export async function csrPem(signer: Signer): Promise<string> {
  return encodePem('CERTIFICATE REQUEST', await buildCsr(signer));
}

/** A ticket's token. */
export async function newToken(
  authority: Authority,
  wish: Partial<Parameters<typeof checkTicketWish>[0]> = {},
): Promise<string> {
  const checked = checkTicketWish({
    nodeId: undefined,
    rebind: false,
    roles: [],
    lifeMs: HOUR_MS,
    usesMax: 1,
    ...wish,
  });
  return (await authority.createTicket(checked, 'test')).token;
}

/** A request to enrol with a new key, or the one given. */
export async function enrollmentOf(token: string, signer: Signer = newSigner(), nodeId?: string) {
  return { token, csr: await csrPem(signer), nodeId, attestation: undefined, from: '192.0.2.1' };
}

export async function auditOf(store: AuthorityStore): Promise<readonly AuditRow[]> {
  return store.transact((tx) => tx.listAudit(1, 1_000));
}

/** Reasons that the audit log has of refusals, in order. */
export async function refusalsOf(store: AuthorityStore): Promise<readonly string[]> {
  return (await auditOf(store))
    .filter(({ action }) => action === 'enrolment-refused' || action === 'ticket-alarm')
    .map(({ action, detail }) => `${action}: ${detail.find(([name]) => name === 'reason')?.[1]}`);
}
