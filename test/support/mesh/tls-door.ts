import type { TLSSocket } from 'node:tls';
import type { TestContext } from 'node:test';
import { MINUTE_MS, type UnixMs } from '../../../src/base/time.ts';
import { checkX509Signature } from '../../../src/crypto/signatures/x509-signature.ts';
import { ChainBook } from '../../../src/engine/gate/chain-book.ts';
import { Revocations } from '../../../src/engine/gate/revocations.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import type { JudgeChain } from '../../../src/host/tls/peers.ts';
import { type RefusedHandshake, TlsPort } from '../../../src/host/tls/port.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import type { Member, TestMesh } from './nodes-on-loopback.ts';

interface Arrival {
  readonly nodeId: NodeId | undefined;
  readonly isLink: boolean;
  readonly isResumed: boolean;
}

/** What one side knows of revocations, and a clock that the test moves. */
export class Judge {
  laterMs = 0;
  readonly revocations: Revocations;
  readonly judge: JudgeChain;

  constructor(mesh: TestMesh) {
    const trust = { mesh: mesh.mesh, anchors: [mesh.root], checkSignature: checkX509Signature };
    this.revocations = new Revocations(trust);
    this.revocations.learnIssuers([mesh.intermediate, mesh.intermediate]);
    const book = new ChainBook(trust, this.revocations);
    this.judge = (chain, purpose) => book.judgePeer(chain, (systemClock.wall() + this.laterMs) as UnixMs, purpose);
  }
}

/** A port alone, which says one byte to whom it lets in, and does by itself nothing about old sessions. */
export class Door extends Judge {
  readonly arrivals: Arrival[] = [];
  readonly refused: RefusedHandshake[] = [];
  port!: TlsPort;

  static async open(t: Pick<TestContext, 'after'>, mesh: TestMesh, member: Member): Promise<Door> {
    const door = new Door(mesh);
    const arrived = (socket: TLSSocket, nodeId: NodeId | undefined, isLink: boolean): void => {
      door.arrivals.push({ nodeId, isLink, isResumed: socket.isSessionReused() });
      socket.write('!');
    };
    door.port = await TlsPort.listen('127.0.0.1', 0, {
      identity: member.tls,
      judge: door.judge,
      revocationPollMs: MINUTE_MS,
      onLink: (socket, peer) => arrived(socket, peer.nodeId, true),
      onHttp: (socket, peer) => arrived(socket, peer?.nodeId, false),
      onRefused: (refused) => door.refused.push(refused),
    });
    t.after(() => door.port.close());
    return door;
  }
}
