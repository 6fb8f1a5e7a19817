import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, it } from 'node:test';
import type { MonotonicMs } from '../../../src/base/time.ts';
import { WorkShares } from '../../../src/base/work-share.ts';
import type { PeerIdentity } from '../../../src/engine/links/link-end.ts';
import {
  HTTP2_STREAMS_PER_TURN_MAX,
  HTTP_CONNECTIONS_PER_MEMBER_MAX,
  HttpCarrier,
} from '../../../src/host/http/carrier.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';

const LOUD: PeerIdentity = { nodeId: 'loud' as NodeId, chain: [] };
const QUIET: PeerIdentity = { nodeId: 'quiet' as NodeId, chain: [] };

/** RFC 9113 section 4.1. */
function http2Frame(type: number, flags: number, stream: number, payload = new Uint8Array()): Uint8Array {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

describe('connections for HTTP', () => {
  it('of a member that opens one after the other wait until it has a share of the process again (T3)', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const carrier = new HttpCarrier(new WorkShares(), () => 0 as MonotonicMs);
    const served: unknown[] = [];
    carrier
      .createServer({}, () => {})
      .removeAllListeners('secureConnection')
      .on('secureConnection', (socket) => served.push(socket));
    const open = (member: PeerIdentity): Socket => {
      const socket = new Socket();
      carrier.handOver(socket as TLSSocket, member);
      return socket;
    };
    let last = open(LOUD);
    for (let opened = 1; served.includes(last); opened++) {
      assert.ok(opened < 1_000, 'they are all served at once');
      last.emit('close'); // so that another may come
      last = open(LOUD);
    }
    assert.ok(served.length >= HTTP_CONNECTIONS_PER_MEMBER_MAX, 'as many as it may have are served at once');
    assert.ok(served.includes(open(QUIET)), 'another member does not wait');
    const gone = open(LOUD).destroy();
    t.mock.timers.tick(60_000);
    assert.ok(served.includes(last));
    assert.ok(!served.includes(gone));
  });

  it('end where more streams are begun and taken back in one turn than a client can have use for (T3)', async (t) => {
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const client = connect((listening.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await once(listening, 'connection')) as [Socket];
    t.after(() => {
      client.destroy();
      listening.close();
    });
    const carrier = new HttpCarrier(new WorkShares(), () => 0 as MonotonicMs);
    let begun = 0;
    carrier.createServer({}, () => {}).on('stream', () => begun++);
    carrier.handOver(Object.assign(socket, { alpnProtocol: 'h2' }) as unknown as TLSSocket, LOUD);
    const settings = http2Frame(4, 0, 0);
    const flood = Array.from({ length: 500 }, (_, i) => 2 * i + 1).flatMap((stream) => [
      http2Frame(1, 5, stream, Uint8Array.of(0x82, 0x87, 0x84, 0x41, 1, 0x78)), // GET, https, /, authority x
      http2Frame(3, 0, stream, Uint8Array.of(0, 0, 0, 8)), // taken back
    ]);
    client.resume().write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings, ...flood]));
    await once(client, 'close');
    assert.ok(begun > 0 && begun <= HTTP2_STREAMS_PER_TURN_MAX + 1, `${begun} streams`);
  });
});
