import { HOUR_MS } from '../base/time.ts';
import { NodeHost } from '../host/node/node-host.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { systemRandom } from '../host/machine/system-random.ts';
import { TlsDialler } from '../host/tls/dialler.ts';
import { TlsPort } from '../host/tls/port.ts';
import type { NodeSettings } from '../node/node-options.ts';
import { startOn } from '../node/node-start.ts';
import { signingIdentityOf } from '../node/publishing/publisher.ts';
import type { NodeStore } from '../ports/node-store.ts';
import type { BenchMember, BenchMesh } from './bench-mesh.ts';

/** A node as in the field, with a port of loopback, in this process: what `chainmail node run` runs, without its HTTP. */
export class BenchNode {
  readonly member: BenchMember;
  readonly host: NodeHost;
  readonly port: TlsPort;

  private constructor(member: BenchMember, host: NodeHost, port: TlsPort) {
    this.member = member;
    this.host = host;
    this.port = port;
  }

  /** @param store closed by the caller, after {@link stop}. */
  static async start(
    { trust }: Pick<BenchMesh, 'trust'>,
    member: BenchMember,
    store: NodeStore,
    settings: Partial<NodeSettings> = {},
  ): Promise<BenchNode> {
    const { nodeId, chain, tls, signer } = member;
    const host = new NodeHost({
      trust,
      identity: signingIdentityOf(nodeId, chain[0]),
      chain,
      roles: [],
      name: 'bench',
      software: 'bench',
      settings: { announces: false, batches: false, ...settings },
      store,
      start: await startOn(store, systemClock.wall()),
      random: systemRandom,
      clock: systemClock,
      signer,
      dialler: (judge) => new TlsDialler({ mesh: trust.mesh, identity: tls, judge }),
      onDialFailed: () => undefined, // it tries again
      onUnexpected: (error) => {
        throw error;
      },
    });
    const port = await TlsPort.listen('127.0.0.1', 0, {
      identity: tls,
      judge: host.judge,
      revocationPollMs: HOUR_MS, // nobody revokes here
      onLink: (socket, peer) => host.acceptLink(socket, peer),
      onHttp: (socket) => socket.destroy(),
      onRefused: () => undefined, // two that dial each other close one of the connections
    });
    return new BenchNode(member, host, port);
  }

  /** Tells this node where the others listen. It links with as many as it wants. */
  meet(others: readonly BenchNode[]): void {
    for (const { port, member } of others)
      if (member !== this.member)
        this.host.handleCandidate({ address: port.address, source: 'bootstrap', nodeId: member.nodeId });
  }

  /** Resolves once the node has so many links. */
  async untilLinks(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.host.node.links.length >= count) resolve();
    };
    const end = this.host.onEvent(look);
    look();
    await promise;
    end();
  }

  stop(): void {
    this.host.leave();
    this.port.close();
  }
}
