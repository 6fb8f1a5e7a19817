import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { utf8 } from '../../../src/base/bytes.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type UnixMs, unixSeconds } from '../../../src/base/time.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, type Signer, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { type NodeDialler, NodeHost } from '../../../src/host/node/node-host.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../src/host/machine/system-random.ts';
import { TlsDialler } from '../../../src/host/tls/dialler.ts';
import type { JudgeChain } from '../../../src/host/tls/peers.ts';
import { type RefusedHandshake, TlsPort, type TlsPortOptions } from '../../../src/host/tls/port.ts';
import type { TlsIdentity } from '../../../src/host/tls/server-options.ts';
import { capabilitiesOfRoles, parseRole } from '../../../src/identity/capability.ts';
import { type MeshName, parseMeshName } from '../../../src/identity/mesh-name.ts';
import { type NodeId, nodeIdOfSpki, parseNodeId } from '../../../src/identity/node-id.ts';
import type { Address } from '../../../src/message/payloads/address.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import type { MessageId } from '../../../src/message/message-id.ts';
import type { NodeEvent } from '../../../src/node/node-outbox.ts';
import { startOn } from '../../../src/node/node-start.ts';
import type { SigningIdentity } from '../../../src/node/publishing/publisher.ts';
import { type Certificate, parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { buildCrl } from '../../../src/pki/x509/crl/crl-build.ts';
import { buildIntermediate, buildRoot } from '../../../src/pki/mesh/issuer-profile.ts';
import { buildServerLeaf } from '../../../src/pki/mesh/leaf-profile.ts';
import { buildLeaf } from '../../../src/pki/mesh/node-leaf.ts';
import type { Revocation } from '../../../src/pki/x509/crl/revocation-reason.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { NodeStore } from '../../../src/ports/node-store.ts';
import { MemoryNodeStore } from '../../../src/sim/members/memory-node-store.ts';

/** A node's key and certificate, in every form that tests need. */
export interface Member {
  readonly nodeId: NodeId;
  readonly signer: Signer;
  /** Leaf first. */
  readonly chain: readonly Certificate[];
  readonly tls: TlsIdentity;
  readonly signing: SigningIdentity;
}

export interface MemberWish {
  readonly nodeId?: string;
  readonly roles?: readonly string[];
  readonly issuedAt?: UnixMs;
  readonly lifeMs?: number;
  /** PKCS#8 of a key of the test's own. */
  readonly pkcs8?: Uint8Array;
}

/** A mesh with its issuer in the test's hands. */
export class TestMesh {
  readonly mesh: MeshName;
  readonly root: Certificate;
  readonly intermediate: Certificate;
  readonly #issuer: Signer;
  readonly #revoked: Revocation[] = [];
  #issueIndex = 0;
  #crlNumber = unixSeconds(systemClock.wall());

  private constructor(mesh: MeshName, root: Certificate, intermediate: Certificate, issuer: Signer) {
    this.mesh = mesh;
    this.root = root;
    this.intermediate = intermediate;
    this.#issuer = issuer;
  }

  static async make(name = 'depot'): Promise<TestMesh> {
    const mesh = parseMeshName(name);
    const rootKey = softwareSigner(generatePkcs8('P-256'));
    const issuer = softwareSigner(generatePkcs8('P-256'));
    const validity = { issuedAt: (systemClock.wall() - 30 * DAY_MS) as UnixMs, lifeMs: 365 * DAY_MS };
    const serial = (): Uint8Array => systemRandom.bytes(16);
    const root = parseCertificate(await buildRoot({ mesh, serial: serial(), validity }, rootKey));
    const request = { mesh, serial: serial(), validity, issuer: root, spki: issuer.spki };
    return new TestMesh(mesh, root, parseCertificate(await buildIntermediate(request, rootKey)), issuer);
  }

  get rootPem(): string {
    return encodePem('CERTIFICATE', this.root.der);
  }

  async member({
    nodeId,
    roles = [],
    issuedAt = systemClock.wall(),
    lifeMs = HOUR_MS,
    pkcs8 = generatePkcs8('P-256'),
  }: MemberWish = {}): Promise<Member> {
    const signer = softwareSigner(pkcs8);
    const id = nodeId === undefined ? nodeIdOfSpki(signer.spki) : parseNodeId(nodeId);
    const parsedRoles = roles.map(parseRole);
    const leaf = parseCertificate(
      await buildLeaf(
        {
          mesh: this.mesh,
          issuer: this.intermediate,
          spki: signer.spki,
          serial: systemRandom.bytes(16),
          validity: { issuedAt, lifeMs },
          nodeId: id,
          roles: parsedRoles,
          capabilities: capabilitiesOfRoles(parsedRoles),
          issueIndex: this.#issueIndex++,
        },
        this.#issuer,
      ),
    );
    const chain = [leaf, this.intermediate];
    return {
      nodeId: id,
      signer,
      chain,
      tls: {
        certificate: chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
        key: encodePem('PRIVATE KEY', pkcs8),
        trustAnchors: [this.rootPem],
      },
      signing: { nodeId: id, algorithm: 'ES256', voucherId: leaf.fingerprintHex },
    };
  }

  /** What the authority of the mesh shows on loopback. */
  async authorityTls(): Promise<TlsIdentity> {
    const pkcs8 = generatePkcs8('P-256');
    const der = await buildServerLeaf(
      {
        mesh: this.mesh,
        issuer: this.intermediate,
        spki: softwareSigner(pkcs8).spki,
        serial: systemRandom.bytes(16),
        validity: { issuedAt: systemClock.wall(), lifeMs: HOUR_MS },
        hosts: ['127.0.0.1'],
      },
      this.#issuer,
    );
    return {
      certificate: [der, this.intermediate.der].map((each) => encodePem('CERTIFICATE', each)).join(''),
      key: encodePem('PRIVATE KEY', pkcs8),
      trustAnchors: [this.rootPem],
    };
  }

  /** The list with this member on it, and all that were revoked before. DER. */
  async revoke({ chain }: Member, how: Partial<Omit<Revocation, 'serial'>> = {}): Promise<Uint8Array> {
    this.#revoked.push({
      serial: (chain[0] as Certificate).serial,
      revokedAt: systemClock.wall(),
      reason: 'keyCompromise',
      ...how,
    });
    const thisUpdate = systemClock.wall();
    return buildCrl(
      {
        issuer: this.intermediate,
        number: this.#crlNumber++,
        thisUpdate,
        nextUpdate: (thisUpdate + HOUR_MS) as UnixMs,
        entries: this.#revoked,
      },
      this.#issuer,
    );
  }

  /** Starts a node with sockets of its own on loopback; it ends with the test. */
  async start(t: Pick<TestContext, 'after'>, options: StartOptions = {}): Promise<TestNode> {
    const member = options.member ?? (await this.member());
    const store = options.store ?? new MemoryNodeStore();
    const unexpected: unknown[] = [];
    const sockets: TLSSocket[] = [];
    const watchedDialler = (judge: JudgeChain): NodeDialler => {
      const dialler = new TlsDialler({ mesh: this.mesh, identity: member.tls, judge });
      return {
        dial: async (address, expected) => {
          const dialled = await dialler.dial(address, expected);
          sockets.push(dialled.socket);
          return dialled;
        },
        forgetSessions: () => dialler.forgetSessions(),
      };
    };
    const host = new NodeHost({
      trust: { mesh: this.mesh, anchors: [this.root], checkSignature: checkX509Signature },
      identity: member.signing,
      chain: member.chain,
      roles: [],
      name: 'test',
      software: '0.0.0',
      settings: { announces: options.announce ?? false },
      store,
      start: await startOn(store, systemClock.wall()),
      random: systemRandom,
      clock: options.clock ?? systemClock,
      signer: member.signer,
      dialler: watchedDialler,
      onDialFailed: () => {},
      onUnexpected: (error) => unexpected.push(error),
    });
    const refused: RefusedHandshake[] = [];
    const port = await TlsPort.listen('127.0.0.1', 0, {
      identity: member.tls,
      judge: host.judge,
      revocationPollMs: options.revocationPollMs ?? MINUTE_MS,
      onLink: (socket, peer) => {
        sockets.push(socket);
        host.acceptLink(socket, peer);
      },
      onHttp: options.onHttp ?? ((socket) => socket.destroy()),
      onRefused: (refusal) => refused.push(refusal),
    });
    host.onEvent(({ tag }) => {
      if (tag === 'crl') port.forgetSessions();
    });
    host.setAddresses([port.address]);
    t.after(() => {
      host.leave();
      port.close();
    });
    return new TestNode(member, host, port, refused, unexpected, sockets);
  }
}

export interface StartOptions {
  readonly member?: Member;
  readonly store?: NodeStore;
  readonly announce?: boolean;
  readonly revocationPollMs?: number;
  readonly onHttp?: TlsPortOptions['onHttp'];
  readonly clock?: Clock;
}

/** A running node, and what it has told so far. */
export class TestNode {
  readonly member: Member;
  readonly host: NodeHost;
  readonly port: TlsPort;
  readonly refused: readonly RefusedHandshake[];
  /** Exceptions that came out of the bytes of a peer: there should never be any. */
  readonly unexpected: readonly unknown[];
  /** Of its links, dialled and taken, in this order. */
  readonly sockets: readonly TLSSocket[];
  readonly events: NodeEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(
    member: Member,
    host: NodeHost,
    port: TlsPort,
    refused: readonly RefusedHandshake[],
    unexpected: readonly unknown[],
    sockets: readonly TLSSocket[],
  ) {
    this.member = member;
    this.host = host;
    this.port = port;
    this.refused = refused;
    this.unexpected = unexpected;
    this.sockets = sockets;
    host.onEvent((event) => {
      this.events.push(event);
      for (const look of this.#waiting) look();
    });
  }

  get address(): Address {
    return this.port.address;
  }

  get nodeId(): NodeId {
    return this.member.nodeId;
  }

  /** Tells this node where another listens. */
  learn(other: TestNode): void {
    this.host.handleCandidate({ address: other.address, source: 'bootstrap', nodeId: other.nodeId });
  }

  /** Waits for an event, one that has been already or the next. */
  until(isIt: (event: NodeEvent) => boolean): Promise<NodeEvent> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.events.find(isIt);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Waits for an event behind the first so many. */
  untilAfter(seen: number, tag: NodeEvent['tag']): Promise<NodeEvent> {
    return this.until((event) => event.tag === tag && this.events.lastIndexOf(event) >= seen);
  }

  linkedWith(other: { readonly nodeId: NodeId }): Promise<NodeEvent> {
    return this.until((event) => event.tag === 'link-up' && event.peer === other.nodeId);
  }

  unlinkedFrom(other: { readonly nodeId: NodeId }): Promise<NodeEvent> {
    return this.until((event) => event.tag === 'link-down' && event.peer === other.nodeId);
  }

  got(messageId: MessageId): Promise<NodeEvent> {
    return this.until((event) => event.tag === 'message' && event.held.id === messageId);
  }

  say(text: string, type = 'sensor/test'): Promise<MessageId> {
    return this.host.publish({ type: parseMessageType(type), payload: utf8(text), ttlMs: HOUR_MS });
  }
}

/** Two nodes that are linked. */
export async function linkedPair(
  t: Pick<TestContext, 'after'>,
  mesh: TestMesh,
): Promise<readonly [TestNode, TestNode]> {
  const [a, b] = [await mesh.start(t), await mesh.start(t)];
  a.learn(b);
  await Promise.all([a.linkedWith(b), b.linkedWith(a)]);
  return [a, b];
}
